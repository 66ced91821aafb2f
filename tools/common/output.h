/* SPDX-License-Identifier: MIT */
/*
 * Result files. A run without results leaves the file of an earlier run as it
 * is, a killed run leaves the results that it had, and a full disk is an error.
 *
 * The results go to a new file beside PATH, and the first output_flush()
 * renames the new file to PATH. If no file can be created beside PATH, or PATH
 * is a device, a pipe or "-" (standard output), the results are written to PATH
 * itself; then the first output_flush() truncates a regular file.
 *
 * Not thread-safe: an output belongs to one thread.
 */
#ifndef TOOLS_COMMON_OUTPUT_H
#define TOOLS_COMMON_OUTPUT_H

#include <stdio.h>

struct output;

/*
 * Prepare to write @path. 0, and *@out must be closed with output_close(), or
 * -errno. Call this before the measurements, so that a path that cannot be
 * written is an error at once.
 */
int output_open(struct output **out, const char *path);

/* The stream to print to; output_close() closes it. */
FILE *output_stream(struct output *out);

/* Are the results written to standard output? */
int output_is_stdout(const struct output *out);

/*
 * Can earlier results be overwritten by rewinding the stream? True of a regular
 * file.
 */
int output_can_rewind(const struct output *out);

/*
 * Write everything printed so far to the file. 0 or -errno, for example
 * -ENOSPC. output_close() returns the first error again.
 */
int output_flush(struct output *out);

/*
 * Flush and close. If output_flush() was never called, PATH stays as it was. 0,
 * or the first error since output_open(). Returns 0 for NULL.
 */
int output_close(struct output *out);

/*
 * fflush(@f). Remembers the error of standard output for output_end(): a stream
 * itself remembers only that there was one.
 */
void output_push(FILE *f);

/*
 * For the end of main(). Returns @status, or @failed after printing an error if
 * standard output could not be written completely.
 */
int output_end(const char *program, int status, int failed);

#endif
