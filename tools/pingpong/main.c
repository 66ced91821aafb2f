/* SPDX-License-Identifier: MIT */
/* ivc-pingpong: measure and verify a connection, see --help. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../common/args.h"
#include "../common/output.h"
#include "../common/stdfds.h"
#include "client.h"
#include "report.h"
#include "server.h"

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* Without SA_RESTART: system calls that wait return and see `stopped`. */
static void handle_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return EXIT_FINE;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		return EXIT_FINE;
	fprintf(stderr, "ivc-pingpong: cannot run on processor %d: %s\n", cpu,
		strerror(errno));
	return EXIT_WRONG;
}

int main(int argc, char **argv)
{
	struct options o;
	int status;

	stdfds_occupy();
	options_parse(&o, argc, argv);
	if (o.role == ROLE_COMPARE)
		return output_end(program_name, compare_files(&o), EXIT_LOST);
	handle_signals();
	status = pin(o.cpu);
	if (status)
		return status;
	status = o.role == ROLE_SERVER ? server_run(&o) : client_run(&o);
	return output_end(program_name, status, EXIT_LOST);
}
