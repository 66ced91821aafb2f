/* SPDX-License-Identifier: MIT */
/* ivcctl policy: check the policy file, and print its rules for a guest. */
#include <getopt.h>
#include <stdio.h>

#include "ivcctl.h"
#include "options.h"
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

struct audit_options {
	const char *policy;
};

static const struct option_rule rules[] = {
	OPTION_RULE_TEXT(struct audit_options, policy, "policy", "FILE",
			 "the policy file (default " POLICY_FILE ")"),
	OPTION_RULE_END,
};

static int audit_run(int argc, char **argv)
{
	struct audit_options o = { 0 };
	int status = options_parse(rules, &o, argc, argv);
	struct policy *p;

	if (status)
		return status;
	p = policy_read(o.policy);
	if (!p)
		return EXIT_FAILED;
	if (optind == argc)
		printf("%s: no errors\n", o.policy ? o.policy : POLICY_FILE);
	for (int i = optind; i < argc; i++)
		say_for(p, argv[i]);
	policy_free(p);
	return EXIT_FINE;
}

const struct command policy_command = {
	.name = "policy",
	.run = audit_run,
	.args = "[NAME...]",
	.help = "check the policy file, and show what it allows a guest",
	.about = "",
	.options = rules,
	.examples = "  ivcctl policy\n"
		    "  ivcctl policy web1 db1\n",
};
