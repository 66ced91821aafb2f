/* SPDX-License-Identifier: MIT */
/* Two processes of this machine, the second one forked by the first. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loops.h"
#include "fork-pair.h"

static const struct end_kind *find_kind(const char *name)
{
	for (int i = 0; end_kinds[i]; i++)
		if (!name || !strcmp(end_kinds[i]->name, name))
			return end_kinds[i];
	return NULL;
}

static int run(struct end *e, const struct plan *p)
{
	int ret = pin(p->cpus[e->server]);

	/* Memory is touched first where it is used. */
	if (!ret)
		ret = loops_room(e, p);
	if (!ret && e->kind->open)
		ret = e->kind->open(e);
	if (!ret)
		ret = e->server ? loops_server(e) : loops_client(e, p);
	if (e->kind->close)
		e->kind->close(e);
	if (ret)
		fprintf(stderr, "%s, %s: %s\n", e->kind->name,
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
	e.kind = find_kind(p.kind);
	if (!e.kind) {
		fprintf(stderr, "no such kind: %s\n", p.kind);
		return 64;
	}
	ret = e.kind->prepare ? e.kind->prepare(&e) : 0;
	if (ret) {
		fprintf(stderr, "%s: %s\n", e.kind->name, strerror(-ret));
		return 1;
	}
	second = twin_fork();
	if (second < 0) {
		fprintf(stderr, "fork: %s\n", strerror((int)-second));
		return 1;
	}
	e.server = !second;
	ret = run(&e, &p);
	if (second)
		twin_end(second, ret);
	return !!ret;
}
