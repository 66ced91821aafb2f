/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>

#include "btl_ivc.h"

OBJ_CLASS_INSTANCE(btl_ivc_frag_t, mca_btl_base_descriptor_t, NULL, NULL);

/* Called once for each item of a list. @ctx is the longest data. */
static int frag_init(opal_free_list_item_t *item, void *ctx)
{
	btl_ivc_frag_t *f = (btl_ivc_frag_t *)item;

	f->room = (size_t)ctx;
	f->data = (uint8_t *)f->base.super.ptr;
	f->base.des_segments = f->segment;
	return OPAL_SUCCESS;
}

static int list_init(opal_free_list_t *list, size_t room)
{
	OBJ_CONSTRUCT(list, opal_free_list_t);
	return opal_free_list_init(list, sizeof(btl_ivc_frag_t), 64,
				   OBJ_CLASS(btl_ivc_frag_t), room, 64, 16, -1,
				   64, NULL, 0, NULL, frag_init, (void *)room);
}

int btl_ivc_fragments_init(void)
{
	const mca_btl_base_module_t *m = &btl_ivc_module.super;
	struct btl_ivc_component *c = &mca_btl_ivc_component;
	int ret;

	ret = list_init(&c->heads, BTL_IVC_HEAD);
	if (ret == OPAL_SUCCESS)
		ret = list_init(&c->eager, m->btl_eager_limit);
	if (ret == OPAL_SUCCESS)
		ret = list_init(&c->max, c->longest);
	return ret;
}

/* Returns a fragment with room for @size bytes, or NULL. */
static btl_ivc_frag_t *frag_get(size_t size)
{
	struct btl_ivc_component *c = &mca_btl_ivc_component;
	opal_free_list_t *list = &c->max;
	btl_ivc_frag_t *f;

	if (size <= BTL_IVC_HEAD)
		list = &c->heads;
	else if (size <= btl_ivc_module.super.btl_eager_limit)
		list = &c->eager;
	f = (btl_ivc_frag_t *)opal_free_list_get(list);
	if (!f) {
		/*
		 * A fragment in use comes back later. Without any, ob1 would
		 * ask for ever.
		 */
		if (!list->fl_num_allocated)
			btl_ivc_lacks(-ENOMEM);
		return NULL;
	}
	f->list = list;
	if (size <= f->room)
		return f;
	opal_free_list_return(list, (opal_free_list_item_t *)f);
	return NULL;
}

mca_btl_base_descriptor_t *btl_ivc_alloc(mca_btl_base_module_t *btl,
					 struct mca_btl_base_endpoint_t *ep,
					 uint8_t order, size_t size,
					 uint32_t flags)
{
	btl_ivc_frag_t *f = frag_get(size);

	(void)btl;
	(void)order;
	if (!f)
		return NULL;
	f->endpoint = ep;
	f->segment[0].seg_addr.pval = f->data;
	f->segment[0].seg_len = size;
	f->base.des_segment_count = 1;
	f->base.des_flags = flags;
	f->base.order = MCA_BTL_NO_ORDER;
	return &f->base;
}

int btl_ivc_free(mca_btl_base_module_t *btl, mca_btl_base_descriptor_t *des)
{
	btl_ivc_frag_t *f = (btl_ivc_frag_t *)des;

	(void)btl;
	opal_free_list_return(f->list, (opal_free_list_item_t *)f);
	return OPAL_SUCCESS;
}

mca_btl_base_descriptor_t *
btl_ivc_prepare_src(mca_btl_base_module_t *btl,
		    struct mca_btl_base_endpoint_t *ep,
		    opal_convertor_t *convertor, uint8_t order, size_t reserve,
		    size_t *size, uint32_t flags)
{
	bool pack = opal_convertor_need_buffers(convertor);
	struct iovec iov = { NULL, *size };
	uint32_t count = 1;
	btl_ivc_frag_t *f;

	/* At most a fragment. The layer above calls again for the rest. */
	if (reserve + iov.iov_len > mca_btl_ivc_component.longest)
		iov.iov_len = mca_btl_ivc_component.longest - reserve;
	f = frag_get(pack ? reserve + iov.iov_len : reserve);
	if (!f)
		return NULL;
	if (pack)
		iov.iov_base = (IOVBASE_TYPE *)(f->data + reserve);
	*size = iov.iov_len;
	if (opal_convertor_pack(convertor, &iov, &count, size) < 0) {
		btl_ivc_free(btl, &f->base);
		return NULL;
	}
	(void)order;
	f->endpoint = ep;
	f->segment[0].seg_addr.pval = f->data;
	f->segment[0].seg_len = reserve + (pack ? *size : 0);
	f->segment[1].seg_addr.pval = iov.iov_base;
	f->segment[1].seg_len = *size;
	f->base.des_segment_count = pack ? 1 : 2;
	f->base.des_flags = flags;
	f->base.order = MCA_BTL_NO_ORDER;
	return &f->base;
}

static void done(btl_ivc_frag_t *f, int status)
{
	bool ours = f->base.des_flags & MCA_BTL_DES_FLAGS_BTL_OWNERSHIP;

	if (!mca_btl_ivc_component.finalizing)
		f->base.des_cbfunc(&btl_ivc_module.super, f->endpoint, &f->base,
				   status);
	if (ours)
		btl_ivc_free(&btl_ivc_module.super, &f->base);
}

void btl_ivc_sent(void *arg, struct coord_peer *p, struct coord_send *s,
		  int status)
{
	btl_ivc_frag_t *f =
		(btl_ivc_frag_t *)((char *)s - offsetof(btl_ivc_frag_t, send));

	(void)arg;
	(void)p;
	done(f, status ? OPAL_ERR_UNREACH : OPAL_SUCCESS);
}

int btl_ivc_send(mca_btl_base_module_t *btl, struct mca_btl_base_endpoint_t *ep,
		 mca_btl_base_descriptor_t *des, mca_btl_base_tag_t tag)
{
	btl_ivc_frag_t *f = (btl_ivc_frag_t *)des;
	bool tell = des->des_flags & MCA_BTL_DES_SEND_ALWAYS_CALLBACK;
	bool ours = des->des_flags & MCA_BTL_DES_FLAGS_BTL_OWNERSHIP;
	int ret;

	f->endpoint = ep;
	f->send.tag = tag;
	for (size_t i = 0; i < COORD_PARTS; i++) {
		bool used = i < des->des_segment_count;

		f->send.part[i].at = used ? f->segment[i].seg_addr.pval : NULL;
		f->send.part[i].len = used ? f->segment[i].seg_len : 0;
	}
	ret = coord_send(ep->peer, &f->send);
	/* Queued: btl_ivc_sent() may have been called already. */
	if (!ret)
		return OPAL_SUCCESS;
	if (ret < 0)
		return OPAL_ERR_UNREACH;
	/* Either the callback or a return of 1, never both. */
	if (tell) {
		done(f, OPAL_SUCCESS);
		return OPAL_SUCCESS;
	}
	if (ours)
		btl_ivc_free(btl, des);
	return 1;
}

int btl_ivc_sendi(mca_btl_base_module_t *btl,
		  struct mca_btl_base_endpoint_t *ep,
		  opal_convertor_t *convertor, void *header, size_t header_size,
		  size_t payload_size, uint8_t order, uint32_t flags,
		  mca_btl_base_tag_t tag, mca_btl_base_descriptor_t **des)
{
	uint8_t packed[BTL_IVC_INLINE];
	void *data = NULL;
	int ret = 0;

	if (payload_size && opal_convertor_need_buffers(convertor)) {
		struct iovec iov = { packed, payload_size };
		uint32_t count = 1;
		size_t len = payload_size;

		if (len > sizeof(packed))
			goto busy;
		if (opal_convertor_pack(convertor, &iov, &count, &len) < 0)
			return OPAL_ERROR;
		data = packed;
	} else if (payload_size) {
		opal_convertor_get_current_pointer(convertor, &data);
	}
	ret = coord_send_now(ep->peer, tag, header, header_size, data,
			     payload_size);
	if (OPAL_LIKELY(ret == 1))
		return OPAL_SUCCESS;
busy:
	if (des)
		*des = btl_ivc_alloc(btl, ep, order, header_size + payload_size,
				     flags);
	return ret < 0 ? OPAL_ERR_UNREACH : OPAL_ERR_RESOURCE_BUSY;
}
