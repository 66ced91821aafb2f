/* SPDX-License-Identifier: GPL-2.0 */
/* ivc-hostile: the command line of the hostile frontend, see front.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "front.h"

static const char usage[] =
	"usage: ivc-hostile ATTACK [SECONDS [MAGIC]]\n"
	"nodes states vanish ctlring messages rewrite storm closes offers "
	"ends\n"
	"hold-grants doorbell-storm\n"
	"flood-requests flood-members flood-events flood-states flood-nodes\n";

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int seconds = argc > 2 ? atoi(argv[2]) : 5;
	uint64_t magic = argc > 3 ? strtoull(argv[3], NULL, 0) : 99;
	struct front f;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2) {
		fputs(usage, stderr);
		return 2;
	}
	front_open(&f);
	if (!strcmp(what, "nodes"))
		attack_nodes(&f);
	else if (!strcmp(what, "states"))
		attack_states(&f);
	else if (!strcmp(what, "vanish"))
		attack_vanish(&f);
	else if (!strcmp(what, "ctlring"))
		attack_ctlring(&f);
	else if (!strcmp(what, "messages"))
		attack_messages(&f, seconds);
	else if (!strcmp(what, "rewrite"))
		attack_rewrite(&f, seconds);
	else if (!strcmp(what, "offers"))
		attack_offers(&f, magic, seconds);
	else if (!strcmp(what, "hold-grants"))
		attack_hold_grants(&f, magic, seconds);
	else if (!strcmp(what, "doorbell-storm"))
		attack_doorbell_storm(&f, magic, seconds);
	else if (!strcmp(what, "closes"))
		attack_closes(&f, seconds);
	else if (!strcmp(what, "ends"))
		attack_ends(&f, magic, seconds);
	else if (!strcmp(what, "storm"))
		attack_storm(&f, seconds);
	else if (!strcmp(what, "flood-requests"))
		flood_requests(&f, seconds);
	else if (!strcmp(what, "flood-members"))
		flood_members(&f, magic, seconds);
	else if (!strcmp(what, "flood-events"))
		flood_events(&f, seconds);
	else if (!strcmp(what, "flood-states"))
		flood_states(&f, seconds);
	else if (!strcmp(what, "flood-nodes"))
		flood_nodes(&f, seconds);
	else {
		fputs(usage, stderr);
		return 2;
	}
	return 0;
}
