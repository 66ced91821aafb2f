/* SPDX-License-Identifier: MIT */
/* Two processes of this machine, the second one forked by the first. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loops.h"
#include "fork-pair.h"

static const struct contender *find_contender(const char *name)
{
	for (int i = 0; contenders[i]; i++)
		if (!name || !strcmp(contenders[i]->name, name))
			return contenders[i];
	return NULL;
}

static int run(struct end *e, const struct plan *p)
{
	int ret = pin(p->cpus[e->server]);

	/* After pin(): memory is allocated near the CPU that touches it first.
	 */
	if (!ret)
		ret = loops_room(e, p);
	if (!ret && e->contender->open)
		ret = e->contender->open(e);
	if (!ret)
		ret = e->server ? loops_server(e) : loops_client(e, p);
	if (e->contender->close)
		e->contender->close(e);
	if (ret)
		fprintf(stderr, "%s, %s: %s\n", e->contender->name,
			e->server ? "server" : "client", strerror(-ret));
	return ret;
}

int main(int argc, char **argv)
{
	struct end e = { .magic = 0x6265000000000000u | (uint32_t)getpid() };
	struct plan p;
	pid_t second;
	int ret;

	plan_read(&p, argc, argv);
	e.ring = p.ring;
	e.contender = find_contender(p.contender);
	if (!e.contender) {
		fprintf(stderr,
			"--contender %s: not in this program; run it "
			"with a wrong option for a list\n",
			p.contender);
		return 64;
	}
	ret = e.contender->prepare ? e.contender->prepare(&e) : 0;
	if (ret) {
		fprintf(stderr, "%s: %s\n", e.contender->name, strerror(-ret));
		return 1;
	}
	second = fork_pair();
	if (second < 0) {
		fprintf(stderr, "fork: %s\n", strerror((int)-second));
		return 1;
	}
	e.server = !second;
	ret = run(&e, &p);
	if (second)
		fork_pair_end(second, ret);
	return !!ret;
}
