/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every system call of libivc and ivcd fails, one at a time, with each error
 * that it can have.
 *
 *     faults subject PID    libivc, with the ivcd PID
 *     faults ivcd PID       the running ivcd PID
 *     faults start IVCD     the program IVCD, at its start
 *     faults device FILE    libivc on a device: see device.c
 *
 * For each call and each error, the first such call of a scenario fails; in
 * another run the second, and so on, until the scenario makes no more such
 * calls.
 *
 * Each time the scenario succeeds, or fails as the manual pages say. A second
 * try without a fault must succeed. Nothing may be left in this process or in
 * ivcd, and the other processes must not notice. One line per call and error.
 * The order is written to $IVC_ORDER, which is $IVC_FAULTS of the process that
 * gets the faults.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../local/count.h"
#include "company.h"
#include "inject.h"
#include "lists.h"

#define NAP_NS 500000
#define SETTLED_NAPS 200
#define ALARM_S 100 /* seconds for one call and error; longer is a hang */

static struct fault_order *order;
static pid_t broker;
static int (*scene)(const char **step) = scenario;
static int failed;
static char running[128];

static void run(const char *whose, const struct fault *f)
{
	char name[64];

	fault_name(f, name, sizeof(name));
	snprintf(running, sizeof(running), "%s: %s", whose, name);
	alarm(ALARM_S);
}

/* Async-signal-safe. */
static void hangs(int sig)
{
	static const char text[] = "FAIL hangs: ";

	(void)sig;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) > 0 &&
	    write(STDOUT_FILENO, running, strlen(running)) > 0)
		(void)!write(STDOUT_FILENO, "\n", 1);
	_exit(1);
}

static void arm(const struct fault *f, uint32_t nth)
{
	order->call = f->call;
	order->error = f->error;
	order->nth = nth;
	order->seen = 0;
	order->hit = 0;
	/* Release: a process that sees `armed` sees the rest of the order. */
	__atomic_store_n(&order->armed, 1, __ATOMIC_RELEASE);
}

static bool disarm(void)
{
	__atomic_store_n(&order->armed, 0, __ATOMIC_RELEASE);
	return __atomic_load_n(&order->hit, __ATOMIC_ACQUIRE);
}

/* The resources of a process that can leak. */
struct belongings {
	int own_fds, own_maps, own_threads;
	int broker_fds, broker_threads;
};

static struct belongings look(void)
{
	struct belongings b = { .own_fds = count_entries("/proc/self/fd"),
				.own_maps = count_maps(),
				.own_threads =
					count_entries("/proc/self/task") };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)broker);
	b.broker_fds = count_entries(path);
	snprintf(path, sizeof(path), "/proc/%d/task", (int)broker);
	b.broker_threads = count_entries(path);
	return b;
}

static void nap(void)
{
	const struct timespec ts = { 0, NAP_NS };

	nanosleep(&ts, NULL);
}

/* The resources when they have not changed for a while. */
static struct belongings settled(void)
{
	struct belongings then = look(), now;
	int same = 0;

	while (same < SETTLED_NAPS) {
		nap();
		now = look();
		same = memcmp(&then, &now, sizeof(now)) ? 0 : same + 1;
		then = now;
	}
	return then;
}

/* Some are freed a moment later: by threads that close, and by ivcd. */
static bool nothing_left(const struct belongings *before)
{
	struct belongings now;
	int i;

	for (i = 0; i < STUCK_MS * (1000000 / NAP_NS); i++) {
		now = look();
		if (!memcmp(before, &now, sizeof(now)))
			return true;
		nap();
	}
	printf("descriptors %d, not %d; mappings %d, not %d; threads %d, not "
	       "%d; ivcd's descriptors %d, not %d, threads %d, not %d\n",
	       now.own_fds, before->own_fds, now.own_maps, before->own_maps,
	       now.own_threads, before->own_threads, now.broker_fds,
	       before->broker_fds, now.broker_threads, before->broker_threads);
	return false;
}

static bool said_right(const struct fault *f, int ret)
{
	return !ret || (f->says == AS_IS && ret == -f->error) ||
	       (f->says != WELL && ret == -f->says);
}

/* Run one fault. Returns false after a failure, which is printed. */
static bool one(const struct fault *f, uint32_t nth,
		const struct belongings *before, bool *hit)
{
	const char *step, *who;
	bool well = true;
	int ret;

	arm(f, nth);
	ret = scene(&step);
	*hit = disarm();
	if (!said_right(f, ret)) {
		printf("FAIL %s, the %uth: %s: %s\n", running, nth, step,
		       strerror(-ret));
		well = false;
	}
	ret = scene(&step);
	if (ret) {
		printf("FAIL %s, the %uth, then without it: %s: %s\n", running,
		       nth, step, strerror(-ret));
		/* Every later call would fail, too. */
		exit(1);
	}
	if (!nothing_left(before)) {
		printf("FAIL %s, the %uth: something is left\n", running, nth);
		well = false;
	}
	who = company_disturbed();
	if (who) {
		printf("FAIL %s, the %uth: %s\n", running, nth, who);
		exit(1);
	}
	return well;
}

static void all(const char *whose, const struct faults *faults)
{
	struct belongings before;
	const char *step;
	size_t i;
	int ret;

	/* Resources that are made once and stay exist after this. */
	ret = scene(&step);
	if (ret) {
		printf("FAIL without a fault: %s: %s\n", step, strerror(-ret));
		exit(1);
	}
	while (company_disturbed())
		;
	before = settled();
	for (i = 0; i < faults->count; i++) {
		const struct fault *f = &faults->fault[i];
		bool well = true, hit = true;
		uint32_t nth = 0;

		run(whose, f);
		while (hit && well)
			well = one(f, ++nth, &before, &hit);
		if (well)
			printf("ok   %s: %u calls\n", running, nth - 1);
		failed += !well;
	}
}

/* Remove what a killed ivcd leaves, which would stop the next one. */
static void leave_socket(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s",
		 getenv("IVC_SOCKET"));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) &&
	    errno != EADDRINUSE) {
		perror(addr.sun_path);
		exit(1);
	}
	close(fd);
}

/*
 * Start an ivcd with fault @f. Its output goes to @out. *@served: it has
 * registered a member. Returns its exit status.
 */
static int start_one(const char *ivcd, char *out, size_t size, bool *served)
{
	ivc_context *ctx;
	int p[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC)) {
		perror("pipe");
		exit(1);
	}
	leave_socket();
	pid = fork();
	if (!pid) {
		setenv("LD_PRELOAD", getenv("IVC_INJECT"), 1);
		dup2(p[1], STDERR_FILENO);
		execl(ivcd, ivcd, (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	*served = false;
	out[0] = '\0';
	while (len < size - 1 &&
	       (n = read(p[0], out + len, size - 1 - len)) > 0) {
		len += (size_t)n;
		out[len] = '\0';
		/* Its work after that message can fail as well. */
		if (*served || !strstr(out, "listening"))
			continue;
		ctx = ivc_register(MAGIC, SUBJECT);
		/* The first connection may have met the fault. */
		if (!ctx)
			ctx = ivc_register(MAGIC, SUBJECT);
		*served = ctx != NULL;
		ivc_unregister(ctx);
		kill(pid, SIGTERM);
	}
	close(p[0]);
	if (waitpid(pid, &status, 0) != pid)
		exit(1);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Either it serves and exits in order, or it does not start and says why. */
static void start(const char *ivcd)
{
	char out[4096];
	bool served;
	size_t i;
	int ret;

	for (i = 0; i < faults_of_start.count; i++) {
		const struct fault *f = &faults_of_start.fault[i];
		bool well = true, hit = true;
		uint32_t nth = 0;

		run("ivcd starts", f);
		while (hit && well) {
			arm(f, ++nth);
			ret = start_one(ivcd, out, sizeof(out), &served);
			hit = disarm();
			well = served ? !ret
				      : ret == 1 && f->says != WELL &&
						strstr(out, strerror(f->error));
			if (!well)
				printf("FAIL %s, the %uth: exit status %d, it "
				       "says: %s\n",
				       running, nth, ret, out);
		}
		if (well)
			printf("ok   %s: %u calls\n", running, nth - 1);
		failed += !well;
	}
}

static void map_order(void)
{
	const char *path = getenv("IVC_ORDER");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	order = mmap(NULL, sizeof(*order), PROT_READ | PROT_WRITE, MAP_SHARED,
		     fd, 0);
	if (order == MAP_FAILED) {
		perror("IVC_ORDER");
		exit(1);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, hangs);
	if (argc != 3)
		return 64;
	map_order();
	if (!strcmp(argv[1], "device")) {
		scene = device_scenario;
		setenv("IVC_DEVICE", argv[2], 1);
		ivc_set_transport("xen");
		all("libivc, on a device", &faults_of_device);
		return failed ? 1 : 0;
	}
	if (!strcmp(argv[1], "start")) {
		start(argv[2]);
		return failed ? 1 : 0;
	}
	broker = (pid_t)atol(argv[2]);
	company_start();
	if (!strcmp(argv[1], "subject")) {
		all("libivc", &faults_of_subject);
		/*
		 * Again in a process whose link does not end with the scenario.
		 */
		company_stays();
		all("libivc, beside a context", &faults_of_subject);
	} else {
		all("ivcd", &faults_of_ivcd);
	}
	company_end();
	return failed ? 1 : 0;
}
