/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs the named suites, or all. Suites that use IVC need an ivcd, which run.sh
 * starts.
 */
#include <sys/mman.h>

#include "job.h"

static const struct {
	const char *name;
	TCase *(*make)(void);
} cases[] = {
	{ "state", case_state }, { "switch", case_switch },
	{ "net", case_net },	 { "hostile", case_hostile },
	{ "death", case_death }, { "ring", case_ring },
	{ "rest", case_rest },
};

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	Suite *s = suite_create("coordinator");
	SRunner *runner;
	int failed;

	/* Before any fork, of Check or of a test. */
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		return 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (wanted(cases[i].name, argc, argv))
			suite_add_tcase(s, cases[i].make());
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	if (!srunner_ntests_run(runner))
		failed = 1;
	srunner_free(runner);
	printf("%llu messages, %llu over IVC, %llu over the network, %llu "
	       "queued; %llu switches to IVC, %llu back, %llu refused; %llu "
	       "messages sent again, %llu of them had come; %llu connections "
	       "broken\n",
	       (unsigned long long)board->messages,
	       (unsigned long long)board->stats.ivc_sent,
	       (unsigned long long)board->stats.net_sent,
	       (unsigned long long)board->stats.queued,
	       (unsigned long long)board->stats.to_ivc,
	       (unsigned long long)board->stats.to_net,
	       (unsigned long long)board->stats.refused,
	       (unsigned long long)board->stats.resent,
	       (unsigned long long)board->stats.skipped,
	       (unsigned long long)board->breaks);
	return failed ? 1 : 0;
}
