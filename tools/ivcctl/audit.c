/* SPDX-License-Identifier: MIT */
/* ivcctl policy: is the file right, and what does it say. */
#include <getopt.h>
#include <stdio.h>

#include "ivcctl.h"
#include "policy.h"

static void say_for(const struct policy *p, const char *name)
{
	struct rules rules;
	int line;

	if (!policy_for(p, name, &rules, &line)) {
		if (line)
			printf("%s: denied by line %d\n", name, line);
		else
			printf("%s: denied, no line fits\n", name);
		return;
	}
	printf("%s: realm=%s", name, rules.realm);
	for (int i = 0; i < LIMITS; i++)
		printf(" %s=%u", limits[i].name, rules.limit[i]);
	if (line)
		printf(" by line %d\n", line);
	else
		printf(" as there is no policy file\n");
}

int cmd_policy(int argc, char **argv)
{
	enum { O_POLICY = 256 };
	static const struct option longopts[] = {
		{ "policy", required_argument, NULL, O_POLICY },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = NULL;
	struct policy *p;
	int c;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (c != O_POLICY)
			return option_error();
		path = optarg;
	}
	p = policy_read(path);
	if (!p)
		return EXIT_FAILED;
	if (optind == argc)
		printf("%s: no errors\n", path ? path : POLICY_FILE);
	for (int i = optind; i < argc; i++)
		say_for(p, argv[i]);
	policy_free(p);
	return EXIT_FINE;
}
