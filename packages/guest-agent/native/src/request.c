#include "request.h"

#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>

#include "agent.pb.h"

/* Where one bytes field goes, and where the text is kept. */
struct target {
    struct request *request;
    struct text_list *list; /* for a repeated field */
    char **text;            /* for a single one that is a text */
    struct blob *blob;      /* for a single one that may hold NUL */
    size_t limit;
};

static bool list_append(struct text_list *list, char *item, size_t limit)
{
    if (list->count >= limit)
        return false;
    /* One place more than items: lists end with NULL, as execve wants them. */
    if (list->count + 1 >= list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        char **items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    list->items[list->count] = NULL;
    return true;
}

/*
 * Copies a bytes field into the arena with a NUL behind it. The arena has the size of the payload: a field of n bytes takes at least
 * n + 2 of it (tag, length), so n + 1 always fits; the check is there all the same.
 */
static bool read_text(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
    (void)field;
    const struct target *target = *argument;
    struct request *request = target->request;
    size_t length = stream->bytes_left;
    if (request->arena_size - request->arena_used <= length)
        return false;
    char *text = request->arena + request->arena_used;
    if (!pb_read(stream, (pb_byte_t *)text, length))
        return false;
    text[length] = '\0';
    request->arena_used += length + 1;
    if (target->blob != NULL) {
        *target->blob = (struct blob){ .bytes = (const uint8_t *)text, .length = length };
        return true;
    }
    if (memchr(text, '\0', length) != NULL)
        PB_RETURN_ERROR(stream, "NUL byte in a text");
    if (target->list != NULL)
        return list_append(target->list, text, target->limit);
    *target->text = text;
    return true;
}

static bool read_volume(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
    static char nothing[1] = "";
    (void)field;
    struct target *target = *argument;
    struct init_request *init = &target->request->init;
    if (init->volume_count >= MAX_VOLUMES)
        PB_RETURN_ERROR(stream, "too many volumes");
    struct volume *volume = &init->volumes[init->volume_count];
    boxlite_agent_v1_Volume wire = boxlite_agent_v1_Volume_init_zero;
    struct target destination = { .request = target->request, .text = &volume->destination };
    volume->destination = nothing;
    wire.destination.funcs.decode = read_text;
    wire.destination.arg = &destination;
    if (!pb_decode(stream, boxlite_agent_v1_Volume_fields, &wire))
        return false;
    memcpy(volume->tag, wire.tag, sizeof volume->tag);
    memcpy(volume->file, wire.file, sizeof volume->file);
    volume->read_only = wire.read_only;
    init->volume_count++;
    return true;
}

struct targets {
    struct target volumes, init_env, init_cwd, init_user, hosts, resolv_conf, argv, exec_env, exec_cwd, exec_user, renew_env,
        renew_cwd, renew_user, renew_hosts, renew_resolv_conf, prepare_paths;
};

static void bind(pb_callback_t *callback, struct target *target)
{
    callback->funcs.decode = read_text;
    callback->arg = target;
}

/* Called before nanopb decodes the chosen operation: the operation's union has just been zeroed. */
static bool prepare_operation(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
    (void)stream;
    struct targets *targets = *argument;
    if (field->tag == boxlite_agent_v1_Request_init_tag) {
        boxlite_agent_v1_Init *init = field->pData;
        init->volumes.funcs.decode = read_volume;
        init->volumes.arg = &targets->volumes;
        bind(&init->env, &targets->init_env);
        bind(&init->cwd, &targets->init_cwd);
        bind(&init->user, &targets->init_user);
        bind(&init->hosts, &targets->hosts);
        bind(&init->resolv_conf, &targets->resolv_conf);
    } else if (field->tag == boxlite_agent_v1_Request_exec_tag) {
        boxlite_agent_v1_Exec *exec = field->pData;
        bind(&exec->argv, &targets->argv);
        bind(&exec->env, &targets->exec_env);
        bind(&exec->cwd, &targets->exec_cwd);
        bind(&exec->user, &targets->exec_user);
    } else if (field->tag == boxlite_agent_v1_Request_renew_tag) {
        boxlite_agent_v1_Renew *renew = field->pData;
        bind(&renew->env, &targets->renew_env);
        bind(&renew->cwd, &targets->renew_cwd);
        bind(&renew->user, &targets->renew_user);
        bind(&renew->hosts, &targets->renew_hosts);
        bind(&renew->resolv_conf, &targets->renew_resolv_conf);
    } else if (field->tag == boxlite_agent_v1_Request_prepare_tag) {
        boxlite_agent_v1_Prepare *prepare = field->pData;
        bind(&prepare->paths, &targets->prepare_paths);
    }
    return true;
}

static bool check_env(const struct text_list *list, struct failure *failure)
{
    for (size_t index = 0; index < list->count; index++) {
        const char *equals = strchr(list->items[index], '=');
        if (equals == NULL || equals == list->items[index])
            return fail(failure, "invalid_argument", "env", 0, "environment entry %zu is not KEY=VALUE", index);
    }
    return true;
}

/* Absolute and without "." and "..": the parts are looked at one by one. */
static bool is_place(const char *path)
{
    if (path[0] != '/' || path[1] == '\0' || strlen(path) > MAX_VOLUME_PATH)
        return false;
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        part++;
        size_t length = strcspn(part, "/");
        if (length == 0 || (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
    }
    return true;
}

static bool check_volumes(const struct init_request *init, struct failure *failure)
{
    for (size_t index = 0; index < init->volume_count; index++) {
        const struct volume *volume = &init->volumes[index];
        bool climbs = strchr(volume->file, '/') != NULL || strcmp(volume->file, ".") == 0 || strcmp(volume->file, "..") == 0;
        if (volume->tag[0] == '\0' || climbs)
            return fail(failure, "invalid_argument", "volumes", 0, "volume %zu names no share or no plain file", index);
        if (!is_place(volume->destination))
            return fail(failure, "invalid_argument", "volumes", 0, "volume %zu: the path in the container is not absolute and normal", index);
    }
    return true;
}

static bool check_size(const boxlite_agent_v1_TerminalSize *size, struct failure *failure)
{
    if (size->rows <= UINT16_MAX && size->cols <= UINT16_MAX)
        return true;
    return fail(failure, "invalid_argument", "tty", 0, "a terminal of %u rows and %u columns is too large", size->rows, size->cols);
}

static bool check_hostname(const char *hostname, struct failure *failure)
{
    if (hostname[0] != '\0' && strpbrk(hostname, " \t\n/") == NULL)
        return true;
    return fail(failure, "invalid_argument", "hostname", 0, "the host name is empty or has a blank or a slash");
}

static bool check_disk(const char *disk, struct failure *failure)
{
    if (strncmp(disk, "/dev/vd", 7) == 0 && strchr(disk + 5, '/') == NULL)
        return true;
    return fail(failure, "invalid_argument", "disk", 0, "the container disk must be a /dev/vd* device");
}

static bool take_prepare(const boxlite_agent_v1_Prepare *wire, struct request *request, struct failure *failure)
{
    struct prepare_request *prepare = &request->prepare;
    request->operation = OPERATION_PREPARE;
    memcpy(prepare->disk, wire->disk, sizeof prepare->disk);
    prepare->disk_bytes = wire->disk_bytes;
    prepare->read_bytes = wire->read_bytes;
    for (size_t index = 0; index < prepare->paths.count; index++) {
        if (prepare->paths.items[index][0] != '/')
            return fail(failure, "invalid_argument", "paths", 0, "path %zu is not absolute", index);
    }
    return check_disk(prepare->disk, failure);
}

static bool take_init(const boxlite_agent_v1_Init *wire, struct request *request, struct failure *failure)
{
    struct init_request *init = &request->init;
    request->operation = OPERATION_INIT;
    memcpy(init->hostname, wire->hostname, sizeof init->hostname);
    memcpy(init->disk, wire->disk, sizeof init->disk);
    init->wall_clock_ns = wire->wall_clock_ns;
    init->privileged = wire->privileged;
    init->entropy_length = wire->entropy.size;
    memcpy(init->entropy, wire->entropy.bytes, wire->entropy.size);
    init->disk_bytes = wire->disk_bytes;
    return check_disk(init->disk, failure) && check_hostname(init->hostname, failure) && check_volumes(init, failure) && check_env(&init->env, failure);
}

static bool take_exec(const boxlite_agent_v1_Exec *wire, struct request *request, struct failure *failure)
{
    struct exec_request *exec = &request->exec;
    request->operation = OPERATION_EXEC;
    if (exec->argv.count == 0 || exec->argv.items[0][0] == '\0')
        return fail(failure, "invalid_argument", "argv", 0, "the command is empty");
    if (wire->has_tty && !check_size(&wire->tty, failure))
        return false;
    exec->tty = wire->has_tty;
    exec->rows = (uint16_t)wire->tty.rows;
    exec->cols = (uint16_t)wire->tty.cols;
    exec->stdin_open = wire->stdin;
    exec->main = wire->main;
    exec->timeout_ms = wire->timeout_ms;
    return check_env(&exec->env, failure);
}

static bool take_renew(const boxlite_agent_v1_Renew *wire, struct request *request, struct failure *failure)
{
    struct renew_request *renew = &request->renew;
    request->operation = OPERATION_RENEW;
    memcpy(renew->hostname, wire->hostname, sizeof renew->hostname);
    renew->wall_clock_ns = wire->wall_clock_ns;
    renew->entropy_length = wire->entropy.size;
    memcpy(renew->entropy, wire->entropy.bytes, wire->entropy.size);
    renew->replace_defaults = wire->replace_defaults;
    if (renew->entropy_length < LEAST_RENEWAL_BYTES)
        return fail(failure, "invalid_argument", "entropy", 0, "less than %u fresh random bytes", LEAST_RENEWAL_BYTES);
    if (renew->hostname[0] != '\0' && !check_hostname(renew->hostname, failure))
        return false;
    return check_env(&renew->env, failure);
}

static bool take_operation(const boxlite_agent_v1_Request *wire, struct request *request, struct failure *failure)
{
    switch (wire->which_operation) {
    case boxlite_agent_v1_Request_init_tag:
        return take_init(&wire->operation.init, request, failure);
    case boxlite_agent_v1_Request_exec_tag:
        return take_exec(&wire->operation.exec, request, failure);
    case boxlite_agent_v1_Request_signal_tag:
        request->operation = OPERATION_SIGNAL;
        request->signal_group = wire->operation.signal.group;
        if (wire->operation.signal.signal < 1 || wire->operation.signal.signal > 64)
            return fail(failure, "invalid_argument", "signal", 0, "%u is not a signal (1 to 64)", wire->operation.signal.signal);
        request->signal = (int)wire->operation.signal.signal;
        return true;
    case boxlite_agent_v1_Request_resize_tag:
        request->operation = OPERATION_RESIZE;
        if (!check_size(&wire->operation.resize.size, failure))
            return false;
        request->rows = (uint16_t)wire->operation.resize.size.rows;
        request->cols = (uint16_t)wire->operation.resize.size.cols;
        return true;
    case boxlite_agent_v1_Request_ping_tag:
        request->operation = OPERATION_PING;
        return true;
    case boxlite_agent_v1_Request_quiesce_tag:
        request->operation = OPERATION_QUIESCE;
        request->quiesce.sync = wire->operation.quiesce.sync;
        request->quiesce.timeout_ms = wire->operation.quiesce.timeout_ms;
        return true;
    case boxlite_agent_v1_Request_thaw_tag:
        request->operation = OPERATION_THAW;
        return true;
    case boxlite_agent_v1_Request_renew_tag:
        return take_renew(&wire->operation.renew, request, failure);
    case boxlite_agent_v1_Request_prepare_tag:
        return take_prepare(&wire->operation.prepare, request, failure);
    default:
        request->operation = OPERATION_UNKNOWN;
        return true;
    }
}

/* The texts of small requests: those of an init and of a first command, so that these cost no call. */
#define SMALL_ARENAS 3
#define SMALL_ARENA_BYTES 8192u

static char small_arenas[SMALL_ARENAS][SMALL_ARENA_BYTES];
static bool small_taken[SMALL_ARENAS];

static char *take_arena(size_t size)
{
    for (unsigned index = 0; size <= SMALL_ARENA_BYTES && index < SMALL_ARENAS; index++) {
        if (!small_taken[index]) {
            small_taken[index] = true;
            return small_arenas[index];
        }
    }
    return malloc(size);
}

static void give_arena(char *arena)
{
    for (unsigned index = 0; index < SMALL_ARENAS; index++) {
        if (arena == small_arenas[index]) {
            small_taken[index] = false;
            return;
        }
    }
    free(arena);
}

void request_prepare_memory(void)
{
    /* What a list or an environment takes; kept, so that the allocator keeps the room beside it. */
    static void *kept[4];
    for (unsigned index = 0; index < sizeof kept / sizeof kept[0]; index++) {
        if (kept[index] == NULL)
            kept[index] = calloc(1, (size_t)64 << index);
    }
    for (unsigned index = 0; index < SMALL_ARENAS; index++) {
        if (!small_taken[index])
            memset(small_arenas[index], 1, SMALL_ARENA_BYTES);
    }
}

void request_free(struct request *request)
{
    free(request->init.env.items);
    free(request->exec.argv.items);
    free(request->exec.env.items);
    free(request->renew.env.items);
    free(request->prepare.paths.items);
    give_arena(request->arena);
    request->init.env.items = request->exec.argv.items = request->exec.env.items = request->renew.env.items = NULL;
    request->prepare.paths.items = NULL;
    request->arena = NULL;
}

bool request_decode(const uint8_t *payload, size_t length, struct request *request, struct failure *failure)
{
    static char nothing[1] = "";
    memset(request, 0, sizeof *request);
    request->init.cwd = request->init.user = request->exec.cwd = request->exec.user = nothing;
    request->renew.cwd = request->renew.user = nothing;
    request->arena_size = length + 1;
    request->arena = take_arena(request->arena_size);
    if (request->arena == NULL)
        return fail(failure, "resource_exhausted", "", 0, "no memory for a request of %zu bytes", length);
    struct targets targets = {
        .volumes = { .request = request },
        .init_env = { .request = request, .list = &request->init.env, .limit = MAX_ENVIRONMENT },
        .init_cwd = { .request = request, .text = &request->init.cwd },
        .init_user = { .request = request, .text = &request->init.user },
        .hosts = { .request = request, .blob = &request->init.hosts },
        .resolv_conf = { .request = request, .blob = &request->init.resolv_conf },
        .argv = { .request = request, .list = &request->exec.argv, .limit = MAX_ARGUMENTS },
        .exec_env = { .request = request, .list = &request->exec.env, .limit = MAX_ENVIRONMENT },
        .exec_cwd = { .request = request, .text = &request->exec.cwd },
        .exec_user = { .request = request, .text = &request->exec.user },
        .renew_env = { .request = request, .list = &request->renew.env, .limit = MAX_ENVIRONMENT },
        .renew_cwd = { .request = request, .text = &request->renew.cwd },
        .renew_user = { .request = request, .text = &request->renew.user },
        .renew_hosts = { .request = request, .blob = &request->renew.hosts },
        .renew_resolv_conf = { .request = request, .blob = &request->renew.resolv_conf },
        .prepare_paths = { .request = request, .list = &request->prepare.paths, .limit = MAX_READ_PATHS },
    };
    boxlite_agent_v1_Request wire = boxlite_agent_v1_Request_init_zero;
    wire.cb_operation.funcs.decode = prepare_operation;
    wire.cb_operation.arg = &targets;
    pb_istream_t stream = pb_istream_from_buffer(payload, length);
    bool decoded = pb_decode(&stream, boxlite_agent_v1_Request_fields, &wire);
    request->id = wire.id;
    if (!decoded)
        (void)fail(failure, "agent_protocol", "", 0, "request cannot be decoded: %s", PB_GET_ERROR(&stream));
    else if (take_operation(&wire, request, failure))
        return true;
    request_free(request);
    return false;
}
