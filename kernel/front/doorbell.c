// SPDX-License-Identifier: GPL-2.0
/*
 * The event channel of a channel: its doorbell. Two sides that are both busy
 * never use it.
 *
 * A doorbell has two meanings, and the handler tests for both: the peer's
 * kernel has changed its state, or our process has asked to be woken (`want` in
 * its control page). A doorbell without either is spurious, and the event core
 * delays a sender of many (late EOI). The handler clears `want`, so a storm of
 * doorbells causes one wake-up per request. Nor can the state of a peer be new
 * more than a few times, because a state only increases.
 */
#include <linux/interrupt.h>
#include <xen/events.h>
#include <asm/xen/hypercall.h>

#include "front.h"

/* Wake our process, if it has asked for that. Any context. */
bool ivcf_doorbell_heard(struct ivc_chan *ch)
{
	u32 *want = &ivcf_grant_ctrl(&ch->grant)->want;

	if (!ivc_load(want) || !xchg(want, 0))
		return false;
	WRITE_ONCE(ch->wakeups, ch->wakeups + 1);
	WRITE_ONCE(ch->rung, true);
	/* The reader and the writer may both sleep. Each checks for itself. */
	wake_up_interruptible_all(&ch->wq);
	return true;
}

/*
 * From now on the doorbell looks at the peer's kernel. Release pairs with the
 * acquire in peer_moved(), which may run on another CPU at this moment: the
 * page is mapped before that CPU sees its address.
 */
void ivcf_doorbell_see(struct ivc_chan *ch)
{
	smp_store_release(&ch->peer_kctl, page_address(ch->map.pages[0]));
}

/*
 * Does the state of the peer's kernel need the work item? Acquire pairs with
 * its release of the state: the data that its process wrote before is in the
 * ring when we copy it. If no page of the peer is mapped any more, the doorbell
 * may say that the peer has unmapped our pages. *@is_new: the state is higher
 * than at the last doorbell.
 */
static bool peer_moved(struct ivc_chan *ch, bool *is_new)
{
	const struct ivc_kctl *peer = smp_load_acquire(&ch->peer_kctl);
	u32 state;

	*is_new = false;
	if (!peer)
		return true;
	state = min_t(u32, ivc_load_acq(&peer->state), IVC_WIRE_DETACHED);
	if (state > ch->heard_state) {
		ch->heard_state = state;
		*is_new = true;
	}
	return state >= IVC_WIRE_LEAVING ||
	       (state == IVC_WIRE_OPEN && READ_ONCE(ch->grant.dir));
}

static irqreturn_t doorbell(int irq, void *data)
{
	struct ivc_chan *ch = data;
	bool heard = ivcf_doorbell_heard(ch);
	bool is_new, moved = peer_moved(ch, &is_new);
	/*
	 * A process that finds its data just before it would sleep takes `want`
	 * back, and the peer's doorbell comes for nothing. A few of these in a
	 * row would count as spurious, and would delay the next useful one by
	 * up to a second. So one doorbell after an ARM is never spurious.
	 */
	bool armed = READ_ONCE(ch->armed);

	WRITE_ONCE(ch->armed, false);
	if (moved)
		ivcf_chan_queue_work(ch);
	if (!heard && !moved)
		WRITE_ONCE(ch->spurious, ch->spurious + 1);
	/* A state that is not new needs the work item, but may be a storm. */
	xen_irq_lateeoi(irq,
			heard || is_new || armed ? 0 : XEN_EOI_FLAG_SPURIOUS);
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

/* Allocate a port that @domid may bind to. */
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
 * Bind to the port that @domid has allocated.
 * bind_interdomain_evtchn_to_irqhandler_lateeoi() does not fit: it takes a
 * xenbus device, and binds to that device's other end, the backend.
 */
int ivcf_doorbell_bind(struct ivc_chan *ch, domid_t domid, evtchn_port_t port)
{
	struct evtchn_bind_interdomain arg = {
		.remote_dom = domid,
		.remote_port = port,
	};
	int err = HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain, &arg);

	/* A lack of ports in this guest is no fault of the peer. */
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

/*
 * After this the handler does not read the peer's page, which may be unmapped.
 */
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
