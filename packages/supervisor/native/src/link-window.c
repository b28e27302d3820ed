#include "link-window.h"

bool window_takes(const struct link_window *window, size_t size)
{
	return !window->on || window->unacked + size <= LINK_WINDOW_BYTES;
}

void window_sent(struct link_window *window, size_t size)
{
	if (window->on)
		window->unacked += size;
}

bool window_acked(struct link_window *window, uint32_t size)
{
	if (!window->on || size > window->unacked)
		return false;
	window->unacked -= size;
	return true;
}

void window_received(struct link_window *window, size_t size)
{
	if (window->on)
		window->received += size;
}

uint32_t window_due(const struct link_window *window)
{
	if (window->received < LINK_ACK_BYTES)
		return 0;
	return window->received > UINT32_MAX ? UINT32_MAX : (uint32_t)window->received;
}

void window_paid(struct link_window *window, uint32_t size)
{
	window->received -= size;
}
