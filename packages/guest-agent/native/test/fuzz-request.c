/* Frames and requests as a damaged or hostile host would send them, through the parsers of the agent. */
#include "frame.h"
#include "request-parts.h"

#include <string.h>

#include "fuzz-input.h"

static uint8_t input[MAX_FRAME_PAYLOAD + 64];
static size_t length;

static void put(uint8_t byte)
{
    if (length < MAX_FRAME_PAYLOAD)
        input[length++] = byte;
}

static void put_varint(uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put((uint8_t)(value | 0x80));
    put((uint8_t)value);
}

/* Texts the checks look at, and noise. */
static void put_bytes(void)
{
    static const char *const texts[] = { "KEY=VALUE", "=", "", "/bin/sh", "/dev/vda", "host", "a\0b", "/dev/../vda", "nobody:staff" };
    if (fuzz_below(3) != 0) {
        const char *text = texts[fuzz_below(sizeof texts / sizeof texts[0])];
        size_t size = strlen(text) + fuzz_below(2);
        put_varint(size);
        for (size_t index = 0; index < size; index++)
            put((uint8_t)text[index]);
        return;
    }
    size_t size = fuzz_below(fuzz_below(50) == 0 ? 5000 : 600);
    put_varint(fuzz_below(20) == 0 ? size + fuzz_below(1u << 20) : size);
    for (size_t index = 0; index < size; index++)
        put((uint8_t)fuzz_next());
}

static void put_field(unsigned depth)
{
    unsigned number = (unsigned)fuzz_below(depth == 0 ? 10 : 13);
    unsigned type = depth == 0 && number >= 2 ? 2 : (unsigned)fuzz_below(fuzz_below(30) == 0 ? 8 : 3);
    put_varint(number << 3 | type);
    if (type == 0) {
        put_varint(fuzz_below(4) == 0 ? fuzz_next() : fuzz_below(70));
    } else if (type == 1) {
        for (int index = 0; index < 8; index++)
            put((uint8_t)fuzz_next());
    } else if (type == 2 && depth < 2 && fuzz_below(3) != 0) {
        /* A nested message: written behind a place for its length, which takes two bytes. */
        size_t at = length;
        put(0x80);
        put(0);
        for (uint64_t fields = fuzz_below(fuzz_below(20) == 0 ? 400 : 12); fields > 0; fields--)
            put_field(depth + 1);
        size_t size = length - at - (length >= at + 2 ? 2 : length - at);
        if (at + 1 < length) {
            input[at] = (uint8_t)(0x80 | (size & 0x7f));
            input[at + 1] = (uint8_t)(size >> 7 & 0x7f);
        }
    } else {
        put_bytes();
    }
}

static void make_payload(void)
{
    length = 0;
    if (fuzz_below(10) == 0) {
        for (uint64_t size = fuzz_below(200); size > 0; size--)
            put((uint8_t)fuzz_next());
        return;
    }
    put_varint(1 << 3);
    put_varint(fuzz_below(1000));
    for (uint64_t fields = 1 + fuzz_below(3); fields > 0; fields--)
        put_field(0);
    for (uint64_t flips = fuzz_below(4) == 0 ? fuzz_below(8) : 0; flips > 0 && length > 0; flips--)
        input[fuzz_below(length)] = (uint8_t)fuzz_next();
}

/* What the rest of the agent relies on. */
static void check(const struct request *request)
{
    const struct text_list *lists[] = { &request->exec.argv, &request->exec.env, &request->init.env, &request->renew.env };
    size_t total = strlen(request->init.cwd) + strlen(request->init.user) + strlen(request->exec.cwd) + strlen(request->exec.user);
    total += strlen(request->renew.cwd) + strlen(request->renew.user);
    for (size_t list = 0; list < sizeof lists / sizeof lists[0]; list++) {
        for (size_t index = 0; index < lists[list]->count; index++)
            total += strlen(lists[list]->items[index]);
        if (lists[list]->count > 0 && lists[list]->items[lists[list]->count] != NULL)
            abort();
    }
    if (total > MAX_FRAME_PAYLOAD || (request->operation == OPERATION_EXEC && request->exec.argv.count == 0))
        abort();
    for (size_t index = 0; index < request->init.hosts.length; index++)
        total += request->init.hosts.bytes[index];
    for (size_t index = 0; index < request->renew.resolv_conf.length; index++)
        total += request->renew.resolv_conf.bytes[index];
    if (request->operation == OPERATION_RENEW && request->renew.entropy_length < LEAST_RENEWAL_BYTES)
        abort();
    if (request->operation == OPERATION_SIGNAL && (request->signal < 1 || request->signal > 64))
        abort();
}

static unsigned accepted;

static void decode(const uint8_t *bytes, size_t size)
{
    static struct request request;
    struct failure failure;
    /* An exact copy on the heap: a read past its end is seen. */
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    if (request_decode(copy, size, &request, &failure)) {
        accepted += request.operation != OPERATION_UNKNOWN;
        check(&request);
        request_free(&request);
    } else if (strlen(failure.code) == 0 || strlen(failure.message) >= sizeof failure.message) {
        abort();
    }
    free(copy);
}

static void parse_frames(void)
{
    struct frame frame;
    uint8_t bytes[FRAME_HEADER_BYTES + 64];
    size_t size = fuzz_below(sizeof bytes + 1);
    for (size_t index = 0; index < size; index++)
        bytes[index] = (uint8_t)fuzz_next();
    if (size >= 4 && fuzz_below(2) == 0)
        write_u32(bytes, (uint32_t)fuzz_below(80));
    long used = frame_parse(bytes, size, &frame);
    if (used > 0 && ((size_t)used > size || frame.payload + frame.length != bytes + used))
        abort();
}

/* The same bytes, cut into parts, must come together again; streams are closed and interleaved at random. */
static void gather(void)
{
    struct failure failure;
    for (uint64_t steps = fuzz_below(12); steps > 0; steps--) {
        struct blob whole = { NULL, 0 };
        struct frame frame = { .stream = (uint32_t)(1 + fuzz_below(70)), .type = FRAME_REQUEST, .payload = input };
        frame.flags = fuzz_below(3) == 0 ? 0 : FRAME_FLAG_MORE;
        frame.length = (uint32_t)(fuzz_below(4) == 0 ? MAX_FRAME_PAYLOAD : fuzz_below(length + 1));
        if (fuzz_below(10) == 0)
            request_parts_forget(frame.stream, fuzz_below(2) == 0 ? ~0u : 0xffff0000u);
        if (request_parts_take(&frame, &whole, &failure) != PARTS_COMPLETE)
            continue;
        if (whole.length > MAX_REQUEST_BYTES || (whole.length >= frame.length && frame.length > 0 &&
            memcmp(whole.bytes + whole.length - frame.length, input, frame.length) != 0))
            abort();
        request_parts_done(frame.stream);
    }
}

int main(int count, char **arguments)
{
    uint64_t seed, rounds;
    fuzz_arguments(count, arguments, &seed, &rounds);
    for (uint64_t round = 0; round < rounds; round++) {
        fuzz_round(seed, round);
        make_payload();
        decode(input, length);
        parse_frames();
        gather();
    }
    printf("%u of %llu requests accepted\n", accepted, (unsigned long long)rounds);
    return accepted == 0 && rounds >= 1000;
}
