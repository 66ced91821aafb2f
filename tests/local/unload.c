/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shared library in a plug-in: loaded by dlopen(), and unloaded while its
 * thread and its handlers for fork() may still have work. One line per check,
 * as in run.sh. usage: unload LIBIVC.so
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define MAGIC 0x0d1

struct library {
	void *handle;
	void *(*join)(uint64_t magic, uint32_t id);
	void (*leave)(void *ctx);
};

static struct library load(const char *path)
{
	struct library lib = { dlopen(path, RTLD_NOW | RTLD_LOCAL), 0, 0 };

	if (!lib.handle) {
		printf("FAIL %s\n", dlerror());
		exit(1);
	}
	*(void **)&lib.join = dlsym(lib.handle, "ivc_register");
	*(void **)&lib.leave = dlsym(lib.handle, "ivc_unregister");
	return lib;
}

/*
 * Did a child exit well, although no handler of the library ran before its
 * fork()?
 */
static int child(const char *path, int id)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		struct library lib = load(path);
		void *ctx;

		alarm(60);
		ctx = lib.join(MAGIC, (uint32_t)id);
		if (ctx)
			lib.leave(ctx);
		dlclose(lib.handle);
		_exit(ctx ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return !status;
}

int main(int argc, char **argv)
{
	struct library lib, again;
	void *ctx, *other;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		return 64;
	lib = load(argv[1]);
	ctx = lib.join(MAGIC, 1);
	check(ctx != NULL, "loaded, registered");
	lib.leave(ctx);
	dlclose(lib.handle);
	check(child(argv[1], 2), "unregistered, let go, fork()");

	lib = load(argv[1]);
	ctx = lib.join(MAGIC, 1);
	dlclose(lib.handle);
	check(child(argv[1], 2), "let go while registered, fork()");
	/* The library's thread is woken for that context. */
	again = load(argv[1]);
	other = again.join(MAGIC, 2);
	check(ctx && other, "loaded again");
	again.leave(other);
	again.leave(ctx);
	dlclose(again.handle);
	check(child(argv[1], 2), "unregistered behind its end, fork()");
	return 0;
}
