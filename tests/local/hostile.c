/* SPDX-License-Identifier: GPL-2.0 */
/* The command line of the hostile process; tests/local/run.sh calls it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hostile.h"

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *a = argc > 2 ? argv[2] : "";
	const char *b = argc > 3 ? argv[3] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "packets"))
		broker_packets();
	else if (!strcmp(what, "questions"))
		broker_questions(atoi(a));
	else if (!strcmp(what, "patience"))
		broker_patience(atoi(a));
	else if (!strcmp(what, "flood"))
		broker_flood(atoi(a));
	else if (!strcmp(what, "storm"))
		broker_storm();
	else if (!strcmp(what, "waiting"))
		user_waiting(atoi(a));
	else if (!strcmp(what, "crowd"))
		user_crowd(atoi(a), atoi(b));
	else if (!strcmp(what, "greedy"))
		greedy_sockets(atoi(a), atoi(b));
	else if (!strcmp(what, "hanging"))
		greedy_files(atoi(a));
	else if (!strcmp(what, "listen"))
		impostor(a, b);
	else if (!strcmp(what, "offers"))
		peer_offers((uint32_t)atoi(a));
	else if (!strcmp(what, "accept"))
		peer_accept(a);
	else if (!strcmp(what, "channel"))
		peer_channel((uint32_t)atoi(a), b);
	else
		die("what?");
	return failed ? 1 : 0;
}
