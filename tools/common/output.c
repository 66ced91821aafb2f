/* SPDX-License-Identifier: MIT */
/* Result files: see output.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"

struct output {
	FILE *f;
	char *path;  /* the final name of the file, or NULL */
	char *fresh; /* the name of the new file before its rename, or NULL */
	bool regular, flushed;
	int error; /* the first one */
};

/* 0666 without the bits of umask(), which can be read only by setting it. */
static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

/* A new file beside @out->path, with the permissions of the old file. */
static int open_beside(struct output *out, const struct stat *old)
{
	int fd, ret;

	if (asprintf(&out->fresh, "%s.XXXXXX", out->path) < 0) {
		out->fresh = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(out->fresh, O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		goto err_free;
	}
	if (fchmod(fd, old ? old->st_mode & 0777 : usual_mode())) {
		ret = -errno;
		goto err_unlink;
	}
	return fd;

err_unlink:
	close(fd);
	unlink(out->fresh);
err_free:
	free(out->fresh);
	out->fresh = NULL;
	return ret;
}

static int open_file(struct output *out, const char *path)
{
	struct stat st;
	bool old = !stat(path, &st);
	int fd = -1;

	/* A symbolic link stays; its target is replaced. */
	out->path = old ? realpath(path, NULL) : strdup(path);
	if (!out->path)
		return -errno;
	if (old && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (old && access(path, W_OK))
		return -errno;
	out->regular = !old || S_ISREG(st.st_mode);
	/* A file with several names must keep them, so write it in place. */
	if (out->regular && (!old || st.st_nlink == 1))
		fd = open_beside(out, old ? &st : NULL);
	if (fd < 0)
		fd = open(out->path, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC,
			  0666);
	return fd < 0 ? -errno : fd;
}

int output_open(struct output **ret, const char *path)
{
	struct output *out = calloc(1, sizeof(*out));
	int fd;

	*ret = NULL;
	if (!out)
		return -ENOMEM;
	if (!strcmp(path, "-")) {
		out->f = stdout;
		*ret = out;
		return 0;
	}
	fd = open_file(out, path);
	if (fd < 0)
		goto err_free;
	out->f = fdopen(fd, "w");
	if (!out->f) {
		close(fd);
		fd = -ENOMEM;
		goto err_unlink;
	}
	*ret = out;
	return 0;

err_unlink:
	if (out->fresh)
		unlink(out->fresh);
err_free:
	free(out->fresh);
	free(out->path);
	free(out);
	return fd;
}

FILE *output_stream(struct output *out)
{
	return out->f;
}

int output_is_stdout(const struct output *out)
{
	return out->f == stdout;
}

int output_can_rewind(const struct output *out)
{
	return out->regular;
}

static int keep_first_error(struct output *out, int err)
{
	if (err && !out->error)
		out->error = err;
	return err;
}

/* Replace the old file by the new one, which has contents now. */
static int put_in_place(struct output *out)
{
	if (rename(out->fresh, out->path))
		return -errno;
	free(out->fresh);
	out->fresh = NULL;
	return 0;
}

/* The first error of a flush of standard output. */
static int stdout_error;

static int flush(FILE *f)
{
	int err = fflush(f) ? errno : 0;

	if (err && f == stdout && !stdout_error)
		stdout_error = err;
	return -err;
}

void output_push(FILE *f)
{
	flush(f);
}

int output_flush(struct output *out)
{
	int ret;

	/* Written in place: drop the old contents when there are new ones. */
	if (!out->flushed && out->regular && !out->fresh &&
	    ftruncate(fileno(out->f), 0))
		return keep_first_error(out, -errno);
	ret = flush(out->f);
	if (ret)
		return keep_first_error(out, ret);
	if (ferror(out->f))
		return keep_first_error(out, -EIO);
	out->flushed = true;
	return out->fresh ? keep_first_error(out, put_in_place(out)) : 0;
}

int output_close(struct output *out)
{
	int ret;

	if (!out)
		return 0;
	if (out->flushed && !out->error)
		output_flush(out);
	if (!out->flushed && !out->fresh && out->regular)
		__fpurge(out->f);
	if (out->f != stdout && fclose(out->f) && out->flushed)
		keep_first_error(out, -errno);
	if (out->fresh)
		unlink(out->fresh);
	ret = out->error;
	free(out->fresh);
	free(out->path);
	free(out);
	return ret;
}

int output_end(const char *program, int status, int failed)
{
	flush(stdout);
	if (!stdout_error && !ferror(stdout))
		return status;
	fprintf(stderr, "%s: standard output cannot be written%s%s\n", program,
		stdout_error ? ": " : "",
		stdout_error ? strerror(stdout_error) : "");
	return status ? status : failed;
}
