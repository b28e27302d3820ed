#include "link-window.h"

size_t window_room(const struct link_window *window)
{
    return window->unacked < LINK_WINDOW_BYTES ? LINK_WINDOW_BYTES - window->unacked : 0;
}

void window_sent(struct link_window *window, size_t size)
{
    window->unacked += size;
}

void window_acked(struct link_window *window, uint32_t size)
{
    window->unacked -= size < window->unacked ? size : window->unacked;
}

void window_received(struct link_window *window, size_t size)
{
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
