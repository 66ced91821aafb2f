// SPDX-License-Identifier: GPL-2.0
/*
 * The event channel of a channel: a doorbell, never on the data path of two
 * busy sides.
 *
 * An event means "look". The handler looks at two things: has the peer's kernel
 * closed its end, and has our process asked to be woken (`want` in its control
 * page). An event that finds neither is spurious, and the event core slows down
 * who sends many (lateeoi). `want` is cleared here, so one wish gives one
 * wake-up and a storm gives no more. Nor does a peer that stays as it is, be it
 * closing or gone, have more than one reason to tell us: its state only grows.
 */
#include <linux/interrupt.h>
#include <xen/events.h>
#include <asm/xen/hypercall.h>

#include "front.h"

/* Our process's wish comes true, if it has one. Any context. */
bool ivcf_doorbell_heard(struct ivc_chan *ch)
{
	u32 *want = &ivcf_grant_ctrl(&ch->grant)->want;

	if (!ivc_load(want) || !xchg(want, 0))
		return false;
	WRITE_ONCE(ch->wakeups, ch->wakeups + 1);
	WRITE_ONCE(ch->rung, true);
	/* A reader and a writer may both sleep; only they know whose it is. */
	wake_up_interruptible_all(&ch->wq);
	return true;
}

/*
 * Is there something of the peer's kernel to be looked at? Acquire pairs with
 * its release of the state: what its process wrote before is in the ring when
 * we keep it. Without a peer to look at, it may have let go of pages that we
 * want back. *@news: it had not been there the last time.
 */
static bool peer_moved(struct ivc_chan *ch, bool *news)
{
	const struct ivc_kctl *peer = READ_ONCE(ch->peer_kctl);
	u32 state;

	*news = false;
	if (!peer)
		return true;
	state = min_t(u32, ivc_load_acq(&peer->state), IVC_WIRE_DETACHED);
	if (state > ch->heard_state) {
		ch->heard_state = state;
		*news = true;
	}
	return state >= IVC_WIRE_LEAVING ||
	       (state == IVC_WIRE_OPEN && READ_ONCE(ch->grant.dir));
}

static irqreturn_t doorbell(int irq, void *data)
{
	struct ivc_chan *ch = data;
	bool heard = ivcf_doorbell_heard(ch);
	bool news, moved = peer_moved(ch, &news);
	/*
	 * A process that finds its data while it still looks takes its wish
	 * back, and the peer's kick comes late. That is nobody's fault: without
	 * this a few of them in a row would delay the next real one, for up to
	 * a second.
	 */
	bool armed = READ_ONCE(ch->armed);

	WRITE_ONCE(ch->armed, false);
	if (moved)
		ivcf_chan_queue_work(ch);
	if (!heard && !moved)
		WRITE_ONCE(ch->spurious, ch->spurious + 1);
	/* What is no news is carried out all the same, but not in a storm. */
	xen_irq_lateeoi(irq,
			heard || news || armed ? 0 : XEN_EOI_FLAG_SPURIOUS);
	return IRQ_HANDLED;
}

static int bind(struct ivc_chan *ch, evtchn_port_t port)
{
	int irq = bind_evtchn_to_irqhandler_lateeoi(port, doorbell, 0,
						    "ivc-channel", ch);
	struct evtchn_close close = { .port = port };

	if (irq < 0) {
		HYPERVISOR_event_channel_op(EVTCHNOP_close, &close);
		return irq;
	}
	ch->port = port;
	ch->irq = irq;
	return 0;
}

/* A port that @domid may bind to. */
int ivcf_doorbell_offer(struct ivc_chan *ch, domid_t domid)
{
	struct evtchn_alloc_unbound alloc = {
		.dom = DOMID_SELF,
		.remote_dom = domid,
	};
	int err = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

	return err ? err : bind(ch, alloc.port);
}

/*
 * Bind to the port that @domid has offered. The kernel's own helper takes a
 * xenbus device and its other end, which is the backend; the peer is not.
 */
int ivcf_doorbell_bind(struct ivc_chan *ch, domid_t domid, evtchn_port_t port)
{
	struct evtchn_bind_interdomain arg = {
		.remote_dom = domid,
		.remote_port = port,
	};
	int err = HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain, &arg);

	/* That there is none left here is no fault of the peer's. */
	if (err)
		return err == -ENOSPC ? err : -EPROTO;
	return bind(ch, arg.local_port);
}

void ivcf_doorbell_ring(struct ivc_chan *ch)
{
	if (ch->partner)
		ivcf_doorbell_heard(ch->partner);
	else if (ch->irq >= 0)
		notify_remote_via_irq(ch->irq);
}

/* The handler looks at the peer's page no more; it may be unmapped then. */
void ivcf_doorbell_blind(struct ivc_chan *ch)
{
	WRITE_ONCE(ch->peer_kctl, NULL);
	if (ch->irq >= 0)
		synchronize_irq(ch->irq);
}

void ivcf_doorbell_free(struct ivc_chan *ch)
{
	if (ch->irq >= 0)
		unbind_from_irqhandler(ch->irq, ch);
	ch->irq = -1;
}
