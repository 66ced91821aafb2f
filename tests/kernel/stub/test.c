// SPDX-License-Identifier: GPL-2.0
/* main() of every test program: each test in a process of its own. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inner.h"

/* A test that does nothing for that long hangs. */
#define HANGS 300

static unsigned int seed;

unsigned int stub_times(unsigned int n)
{
	const char *times = getenv("STUB_TIMES");

	return times ? n * (unsigned int)strtoul(times, NULL, 10) : n;
}

u32 stub_random(u32 n)
{
	static u64 threads;
	static _Thread_local u64 state;

	if (!state)
		state = (seed + 1) * 0x9e3779b97f4a7c15ull +
			__atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED) *
				0xbf58476d1ce4e5b9ull;
	/* xorshift64* */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return n ? (u32)((state * 0x2545f4914f6cdd1dull) >> 33) % n : 0;
}

/* exec, so that a test begins with a program as new as that of any other. */
static bool passes(const char *program, const char *test)
{
	int status;
	pid_t pid = fork();

	BUG_ON(pid < 0);
	if (!pid) {
		execl(program, program, "--one", test, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	if (!status)
		return true;
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: signal %d\n", test, WTERMSIG(status));
	else
		fprintf(stderr, "%s: status %d\n", test, WEXITSTATUS(status));
	return false;
}

static const struct stub_test *test_named(const char *name)
{
	const struct stub_test *t;

	for (t = stub_tests; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	fprintf(stderr, "no test is called %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	unsigned int passed = 0, failed = 0;
	const struct stub_test *t;
	int i;

	if (getenv("STUB_SEED"))
		seed = (unsigned int)strtoul(getenv("STUB_SEED"), NULL, 10);
	else
		seed = (unsigned int)ktime_get_ns();
	if (argc == 3 && !strcmp(argv[1], "--one")) {
		alarm(HANGS);
		test_named(argv[2])->fn();
		return 0;
	}
	for (t = stub_tests; t->name; t++) {
		bool wanted = argc == 1;

		for (i = 1; i < argc; i++)
			wanted |= test_named(argv[i]) == t;
		if (!wanted)
			continue;
		if (passes("/proc/self/exe", t->name)) {
			passed++;
		} else {
			fprintf(stderr, "FAILED: %s\n", t->name);
			failed++;
		}
	}
	printf("%s: %u passed, %u failed\n",
	       strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0],
	       passed, failed);
	return failed != 0;
}
