/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs the suites. Without arguments all of them, else those named; -x leaves
 * out the one named next.
 */
#include "unit.h"

static Suite *suite_hostile(void)
{
	Suite *s = suite_create("hostile");

	suite_add_tcase(s, case_hostile_producer());
	suite_add_tcase(s, case_hostile_consumer());
	return s;
}

static Suite *suite_vandal(void)
{
	Suite *s = suite_create("vandal");

	suite_add_tcase(s, case_hostile_vandal());
	return s;
}

static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {
	{ "layout", suite_layout },   { "state", suite_state },
	{ "ring", suite_ring },	      { "zero-copy", suite_zero_copy },
	{ "model", suite_model },     { "hostile", suite_hostile },
	{ "threads", suite_threads }, { "vandal", suite_vandal },
#ifndef RING_ONLY
	{ "api", suite_api },	      { "channel", suite_channel },
	{ "notice", suite_notice },
#endif
};

static bool wanted(const char *name, int argc, char **argv)
{
	bool any = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-x")) {
			if (argv[++i] && !strcmp(argv[i], name))
				return false;
			continue;
		}
		any = true;
		if (!strcmp(argv[i], name))
			return true;
	}
	return !any;
}

int main(int argc, char **argv)
{
	SRunner *runner = srunner_create(NULL);
	size_t i;
	int failed;

	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (wanted(suites[i].name, argc, argv))
			srunner_add_suite(runner, suites[i].make());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	if (!srunner_ntests_run(runner)) {
		fprintf(stderr, "no such suite\n");
		failed = 1;
	}
	srunner_free(runner);
	return failed ? 1 : 0;
}
