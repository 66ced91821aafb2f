/* SPDX-License-Identifier: GPL-2.0 */
/* The calls that fail, their errors, and the errors that a user may see. */
#ifndef FAULTS_LISTS_H
#define FAULTS_LISTS_H

#include <stddef.h>

#include "inject.h"

/*
 * The results that a fault may have besides success: its own error, another
 * one, or none.
 */
#define AS_IS (-1)
#define WELL 0

struct fault {
	enum fault_call call;
	int error;
	int says;
};

struct faults {
	const struct fault *fault;
	size_t count;
};

extern const struct faults faults_of_subject, faults_of_device, faults_of_ivcd,
	faults_of_start;

/* "mmap: ENOMEM", in @buf. */
void fault_name(const struct fault *f, char *buf, size_t size);

#endif
