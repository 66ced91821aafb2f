/* SPDX-License-Identifier: MIT */
/*
 * A file of results. A run that has nothing to say leaves the results of an
 * earlier run as they are, a run that is killed leaves what it had measured,
 * and a disk that is full is an error.
 *
 * The results go to a new file beside PATH, and the first output_flush() puts
 * that file in the place of PATH. Where no file can be made beside PATH, or
 * PATH is a device, a pipe or "-" (standard output), PATH itself is written; a
 * regular file is emptied by the first output_flush(), not before.
 *
 * Not thread-safe: an output belongs to one thread.
 */
#ifndef TOOLS_COMMON_OUTPUT_H
#define TOOLS_COMMON_OUTPUT_H

#include <stdio.h>

struct output;

/*
 * Prepare to write @path. 0 or -errno; @out then is for output_close(). What
 * cannot be written is told here and not after the measurements.
 */
int output_open(struct output **out, const char *path);

/* The stream to print to. It belongs to @out. */
FILE *output_stream(struct output *out);

/* Is it standard output? */
int output_is_stdout(const struct output *out);

/*
 * Can what has been written be overwritten by rewinding the stream? So in a
 * regular file.
 */
int output_can_rewind(const struct output *out);

/*
 * Everything printed so far goes to the file: 0 or -errno, for instance
 * -ENOSPC. The first error is kept, and said again by output_close().
 */
int output_flush(struct output *out);

/*
 * Flush what is left, if output_flush() has been called, and close. Without a
 * call of output_flush() PATH stays as it was. 0, or -errno of whatever went
 * wrong first since output_open(). NULL is 0.
 */
int output_close(struct output *out);

/*
 * fflush(@f). If @f is standard output, output_end() tells what went wrong: a
 * stream remembers that something did, but not what.
 */
void output_push(FILE *f);

/*
 * For the end of main(): @status, or @failed after a complaint on standard
 * error if not all of standard output could be written.
 */
int output_end(const char *program, int status, int failed);

#endif
