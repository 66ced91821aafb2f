/* SPDX-License-Identifier: MIT */
/*
 * Build messages in the ring and use them in the ring: no copy of the data by
 * the library. One process sends ten images, the other computes their mean
 * brightness where they lie.
 *
 *	./zero-copy receive &
 *	./zero-copy send
 */
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <ivc/ivc.h>

#define MAGIC_ID 2009
#define SENDER_ID 1
#define RECEIVER_ID 2
#define TIMEOUT_MS 30000

struct image {
	uint32_t number;
	uint32_t width, height;
	uint8_t pixels[];
};

static void check(const char *what, ssize_t ret)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror((int)-ret));
}

/* Room for @size bytes in the ring of this side, as soon as there is. */
static void *reserve(ivc_channel *channel, size_t size)
{
	void *room;
	ssize_t n;

	while ((n = ivc_reserve(channel, size, size, &room)) == 0)
		ivc_wait(channel, IVC_WRITABLE, -1);
	check("ivc_reserve", n);
	return room;
}

static int send_images(ivc_context *ctx)
{
	const uint32_t width = 64, height = 48;
	const size_t size = sizeof(struct image) + width * height;
	ivc_channel *channel;
	ivc_peer receiver;
	uint32_t i;

	check("ivc_find", ivc_find(ctx, RECEIVER_ID, TIMEOUT_MS, &receiver));
	channel = ivc_connect(ctx, receiver);
	if (!channel)
		err(1, "ivc_connect");
	for (i = 0; i < 10; i++) {
		struct image *image = reserve(channel, size);

		image->number = i;
		image->width = width;
		image->height = height;
		memset(image->pixels, (int)(10 * i), width * height);
		check("ivc_commit", ivc_commit(channel, size));
	}
	ivc_close(channel);
	return 0;
}

/*
 * The peer can change the bytes while this process looks at them. So the fields
 * on which memory accesses depend are copied first, and the copies are checked.
 */
static void use_image(const struct image *image, size_t size)
{
	struct image head;
	uint64_t sum = 0;
	size_t i, pixels;

	if (size < sizeof(head))
		errx(1, "message of %zu bytes: too short", size);
	memcpy(&head, image, sizeof(head));
	pixels = (size_t)head.width * head.height;
	if (!pixels || pixels != size - sizeof(head))
		errx(1, "message of %zu bytes: not %u x %u pixels", size,
		     head.width, head.height);
	for (i = 0; i < pixels; i++)
		sum += image->pixels[i];
	printf("zero-copy: image %u, %u x %u, mean %llu\n", head.number,
	       head.width, head.height, (unsigned long long)(sum / pixels));
}

static int receive_images(ivc_context *ctx)
{
	ivc_channel *channel;
	const void *data;
	ssize_t n;

	channel = ivc_accept(ctx);
	if (!channel)
		err(1, "ivc_accept");
	/*
	 * One ivc_peek() returns what one ivc_commit() sent, because each
	 * ivc_release() frees exactly what the last ivc_peek() returned.
	 */
	while ((n = ivc_peek(channel, &data)) >= 0) {
		if (n == 0) {
			ivc_wait(channel, IVC_READABLE, -1);
			continue;
		}
		use_image(data, (size_t)n);
		check("ivc_release", ivc_release(channel, (size_t)n));
	}
	if (n != -EPIPE) /* the sender has closed the channel */
		check("ivc_peek", n);
	ivc_close(channel);
	return 0;
}

int main(int argc, char **argv)
{
	int sends = argc == 2 && !strcmp(argv[1], "send");
	ivc_context *ctx;
	int ret;

	if (!sends && (argc != 2 || strcmp(argv[1], "receive")))
		errx(64, "usage: zero-copy send | zero-copy receive");
	ctx = ivc_register(MAGIC_ID, sends ? SENDER_ID : RECEIVER_ID);
	if (!ctx)
		err(1, "ivc_register (no ivcd? no /dev/ivc?)");
	ret = sends ? send_images(ctx) : receive_images(ctx);
	ivc_unregister(ctx);
	return ret;
}
