/* csv.c: reading CSV by a scanner of our own over a window of the file, and writing it.
 *
 *   window: [done | field being scanned ... | clean text | not looked at | '\n']
 *            buf    at                                 clean            end
 *
 * The sentinel after the end lets the scan run without counting. Fields are handed out
 * where they lie, their delimiter overwritten by a NUL; a field that the window's end
 * cuts is moved to its beginning, and more is read behind it. Text up to `clean` is known
 * to be UTF-8 without NUL.
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/csv.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "io/file.h"

#include <zlib.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 256 << 10, MOST_WINDOW = 64 << 20 };

struct reader {
    const char *path;
    gzFile file;
    const struct nastl_csv_events *events;
    char *buf;
    size_t capacity; /* of buf, without the sentinel */
    char *at, *clean, *end;
    bool ended;            /* nothing comes after `end` */
    int64_t line;          /* of `at`, from 1 */
    size_t column;         /* of the field that is being read, from 0 */
    size_t columns;        /* 0 until the header is read */
    const char **names;    /* in the arena */
    size_t names_capacity; /* while the header is read */
    struct nastl_arena arena;
};

struct field {
    char *text;
    size_t length;
    char stop;     /* what ended it: ',', '\n', or NUL for the end of the file */
    int64_t line;  /* where it begins */
    int64_t lines; /* line breaks inside it */
};

/* ---- failures ---------------------------------------------------------------------- */

static int fail(const struct reader *r, int64_t line, const char *why)
{
    return nastl_error(NASTL_EFORMAT, "%s:%lld: %s", r->path, (long long)line, why);
}

/* With the name of the column that is being read where it is known, else its number. */
static int fail_field(const struct reader *r, int64_t line, const char *why)
{
    if (r->column < r->columns)
        return nastl_error(NASTL_EFORMAT, "%s:%lld: column '%.100s': %s", r->path,
                           (long long)line, r->names[r->column], why);
    return nastl_error(NASTL_EFORMAT, "%s:%lld: column %zu: %s", r->path, (long long)line,
                       r->column + 1, why);
}

/* zlib's words without what it calls the file: "<fd:3>: invalid distance". */
static const char *without_name(const char *why)
{
    const char *end = strstr(why, ">: ");
    return why[0] == '<' && end ? end + 3 : why;
}

static int fail_read(const struct reader *r)
{
    int code;
    const char *why = without_name(gzerror(r->file, &code));
    if (code == Z_ERRNO)
        return nastl_file_error(r->path, "cannot read", errno);
    if (code == Z_MEM_ERROR)
        return nastl_error_nomem(r->path);
    if (code == Z_BUF_ERROR)
        return fail(r, r->line, "the gzip data ends early; get the whole file");
    return nastl_error(NASTL_EFORMAT, "%s:%lld: damaged gzip data (%s); get it again",
                       r->path, (long long)r->line, why);
}

/* ---- the window -------------------------------------------------------------------- */

/* Moves what is not done yet to the beginning; grows the window where that is all. */
static int make_room(struct reader *r)
{
    const size_t clean = (size_t)(r->clean - r->at), kept = (size_t)(r->end - r->at);
    if (kept == r->capacity) {
        if (r->capacity >= MOST_WINDOW)
            return fail_field(r, r->line,
                              "a field of more than 64 MiB; is a quote missing?");
        char *buf = nastl_alloc_resize(r->buf, 2 * r->capacity + 1, 1);
        if (!buf)
            return nastl_error_nomem(r->path);
        r->buf = buf;
        r->capacity *= 2;
    } else if (kept > 0) {
        memmove(r->buf, r->at, kept);
    }
    r->at = r->buf;
    r->clean = r->buf + clean;
    r->end = r->buf + kept;
    return NASTL_OK;
}

static void extend_clean(struct reader *r)
{
    const size_t fresh = (size_t)(r->end - r->clean);
    const char *nul = memchr(r->clean, '\0', fresh);
    r->clean += nastl_utf8_valid(r->clean, nul ? (size_t)(nul - r->clean) : fresh);
}

/* Reads on behind `end`. Pointers into the window are void afterwards, but `at`. */
static int fill(struct reader *r)
{
    TRY(make_room(r));
    const size_t room = r->capacity - (size_t)(r->end - r->buf);
    const int got = gzread(r->file, r->end, (unsigned)room);
    int code = Z_OK;
    if (got >= 0 && (size_t)got < room)
        gzerror(r->file, &code);
    if (got < 0 || code == Z_BUF_ERROR)
        return fail_read(r);
    r->ended = got == 0;
    r->end += got;
    *r->end = '\n';
    extend_clean(r);
    return NASTL_OK;
}

/* Makes at least `length` bytes visible, unless the file ends before. */
static int ensure(struct reader *r, size_t length)
{
    while ((size_t)(r->end - r->at) < length && !r->ended)
        TRY(fill(r));
    return NASTL_OK;
}

/* ---- fields ------------------------------------------------------------------------ */

static const bool is_stop[256] = {[','] = true, ['\n'] = true};

static int scan_plain(struct reader *r, struct field *f)
{
    const char *at = r->at;
    for (;;) {
        while (!is_stop[(unsigned char)*at])
            at++;
        if (at < r->end || r->ended)
            break;
        const size_t offset = (size_t)(at - r->at);
        TRY(fill(r));
        at = r->at + offset;
    }
    f->text = r->at;
    f->length = (size_t)(at - r->at);
    f->stop = at < r->end ? *at : '\0';
    f->lines = 0;
    r->at += f->length + (at < r->end);
    if (f->stop != ',' && f->length > 0 && f->text[f->length - 1] == '\r')
        f->length--;
    return NASTL_OK;
}

/* Finds the quote that ends the field at `at`; *length is that of the raw inside. */
static int find_quote(struct reader *r, size_t *length, bool *doubled)
{
    size_t offset = 1; /* from `at`, behind the opening quote */
    *doubled = false;
    for (;;) {
        TRY(ensure(r, offset + 1));
        const char *from = r->at + offset;
        const char *quote =
            from < r->end ? memchr(from, '"', (size_t)(r->end - from)) : NULL;
        offset = (size_t)((quote ? quote : r->end) - r->at);
        if (!quote && r->ended)
            return fail_field(r, r->line, "a quote that is never closed; close it");
        if (!quote)
            continue;
        TRY(ensure(r, offset + 2));
        if (offset + 1 == (size_t)(r->end - r->at) || r->at[offset + 1] != '"') {
            *length = offset - 1;
            return NASTL_OK;
        }
        *doubled = true;
        offset += 2;
    }
}

/* "" becomes ", in place; returns the new length. */
static size_t undouble(char *text, size_t length)
{
    size_t to = 0;
    for (size_t from = 0; from < length; from++) {
        text[to++] = text[from];
        if (text[from] == '"')
            from++;
    }
    return to;
}

static int64_t count_lines(const char *text, size_t length)
{
    int64_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    return lines;
}

static int scan_quoted(struct reader *r, struct field *f)
{
    size_t inside = 0;
    bool doubled;
    TRY(find_quote(r, &inside, &doubled));
    TRY(ensure(r, inside + 4)); /* two quotes, CR, LF */
    f->text = r->at + 1;
    f->lines = count_lines(f->text, inside);
    char *after = f->text + inside + 1;
    if (after + 1 < r->end && after[0] == '\r' && after[1] == '\n')
        after++;
    f->stop = after < r->end ? *after : '\0';
    if (after < r->end && !is_stop[(unsigned char)*after])
        return fail_field(r, r->line + f->lines,
                          "text after a closing quote; double the quotes inside a field");
    r->at = after + (after < r->end);
    f->length = doubled ? undouble(f->text, inside) : inside;
    return NASTL_OK;
}

static int fail_dirty(const struct reader *r, const struct field *f)
{
    if (r->clean < r->end && *r->clean == '\0')
        return fail_field(r, f->line, "a NUL byte; this is no CSV, give one");
    return fail_field(r, f->line, "invalid UTF-8; save the file as UTF-8");
}

static int next_field(struct reader *r, size_t column, struct field *f)
{
    f->line = r->line;
    r->column = column;
    TRY(ensure(r, 1));
    TRY(*r->at == '"' && r->at < r->end ? scan_quoted(r, f) : scan_plain(r, f));
    if (r->at > r->clean)
        return fail_dirty(r, f);
    r->line += f->lines + (f->stop == '\n');
    f->text[f->length] = '\0';
    return NASTL_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

/* Skips empty lines; *more is whether a row follows. */
static int next_row(struct reader *r, bool *more)
{
    for (;;) {
        TRY(ensure(r, 2));
        size_t length = 0; /* of an empty line */
        if (r->at < r->end && r->at[0] == '\n')
            length = 1;
        else if (r->at + 1 < r->end && r->at[0] == '\r' && r->at[1] == '\n')
            length = 2;
        if (length == 0)
            break;
        r->at += length;
        r->line++;
    }
    *more = r->at < r->end;
    return NASTL_OK;
}

static int add_name(struct reader *r, const struct field *f)
{
    if (r->columns == r->names_capacity) {
        const size_t capacity = r->names_capacity ? 2 * r->names_capacity : 64;
        const char **names = nastl_alloc_resize(r->names, capacity, sizeof *names);
        if (!names)
            return nastl_error_nomem(r->path);
        r->names = names;
        r->names_capacity = capacity;
    }
    r->names[r->columns] = nastl_arena_strndup(&r->arena, f->text, f->length);
    if (!r->names[r->columns])
        return nastl_error_nomem(r->path);
    r->columns++;
    return NASTL_OK;
}

static int check_names(const struct reader *r, int64_t line, struct nastl_strmap *seen)
{
    for (size_t i = 0; i < r->columns; i++) {
        const char *name = r->names[i];
        const size_t length = strlen(name);
        if (length == 0)
            return nastl_error(NASTL_EFORMAT,
                               "%s:%lld: column %zu: has no name; give it "
                               "one",
                               r->path, (long long)line, i + 1);
        const int64_t before = nastl_strmap_get(seen, name, length, -1);
        if (before >= 0)
            return nastl_error(NASTL_EFORMAT,
                               "%s:%lld: column '%.100s': stands twice (columns %lld and "
                               "%zu); rename one",
                               r->path, (long long)line, name, (long long)before + 1,
                               i + 1);
        TRY(nastl_strmap_set(seen, name, length, (int64_t)i));
    }
    return NASTL_OK;
}

/* All names are numbers, and not such as 0, 1, 2, which pandas makes: a row of data. */
static bool is_data(const struct reader *r)
{
    bool counts = true;
    for (size_t i = 0; i < r->columns; i++) {
        double value;
        const size_t length = strlen(r->names[i]);
        if (!nastl_number_parse(&value, r->names[i], length))
            return false;
        counts = counts && strspn(r->names[i], "0123456789") == length;
    }
    return !counts;
}

static int check_header(const struct reader *r, int64_t line)
{
    if (is_data(r))
        return fail(r, line,
                    "numbers where the header should be; put the columns' names "
                    "into the first line");
    struct nastl_strmap seen;
    nastl_strmap_init(&seen);
    const int status = check_names(r, line, &seen);
    nastl_strmap_finish(&seen);
    return status;
}

static int read_header(struct reader *r)
{
    bool more;
    TRY(ensure(r, 3));
    if (r->end - r->at >= 3 && memcmp(r->at, "\xef\xbb\xbf", 3) == 0)
        r->at += 3;
    TRY(next_row(r, &more));
    if (!more)
        return nastl_error(NASTL_EFORMAT, "%s:1: is empty; give a CSV file with a header",
                           r->path);
    const int64_t line = r->line;
    struct field f;
    do {
        TRY(next_field(r, r->columns, &f));
        TRY(add_name(r, &f));
    } while (f.stop == ',');
    TRY(check_header(r, line));
    return r->events->header ? r->events->header(r->columns, r->names, r->events->payload)
                             : NASTL_OK;
}

static int read_row(struct reader *r, size_t row)
{
    const int64_t line = r->line;
    size_t column = 0;
    struct field f;
    do {
        TRY(next_field(r, column, &f));
        if (column < r->columns)
            TRY(r->events->field(row, column, f.text, f.length, f.line,
                                 r->events->payload));
        column++;
    } while (f.stop == ',');
    if (column != r->columns)
        return nastl_error(
            NASTL_EFORMAT, "%s:%lld: %zu field%s where the header has %zu; correct it",
            r->path, (long long)line, column, column == 1 ? "" : "s", r->columns);
    return NASTL_OK;
}

static int read_rows(struct reader *r, size_t *rows)
{
    TRY(read_header(r));
    for (size_t row = 0;; row++) {
        bool more;
        TRY(next_row(r, &more));
        if (!more) {
            *rows = row;
            return NASTL_OK;
        }
        TRY(read_row(r, row));
    }
}

/* ---- files ------------------------------------------------------------------------- */

static int open_gz(gzFile *out, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nastl_file_error(path, "cannot open", errno);
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        close(fd);
        return nastl_error(NASTL_EFORMAT, "%s: is a folder; give a CSV file", path);
    }
    *out = gzdopen(fd, "rb");
    if (!*out) {
        close(fd);
        return nastl_error_nomem(path);
    }
    gzbuffer(*out, WINDOW);
    return NASTL_OK;
}

/* Damaged gzip data shows as nonsense in some row before its checksum is read: then the
 * damage is what has to be told. */
static int prefer_damage(struct reader *r, int status)
{
    if (status != NASTL_EFORMAT || gzdirect(r->file))
        return status;
    int got, code;
    do
        got = gzread(r->file, r->buf, WINDOW);
    while (got == WINDOW);
    gzerror(r->file, &code);
    return got < 0 || code == Z_BUF_ERROR ? fail_read(r) : status;
}

int nastl_csv_read(const char *path, const struct nastl_csv_events *events, size_t *rows)
{
    struct reader r = {.path = path, .events = events, .capacity = WINDOW, .line = 1};
    size_t count = 0;
    TRY(open_gz(&r.file, path));
    nastl_arena_init(&r.arena);
    r.buf = r.at = r.clean = r.end = nastl_alloc(WINDOW + 1, 1);
    const int status =
        r.buf ? prefer_damage(&r, read_rows(&r, &count)) : nastl_error_nomem(path);
    gzclose_r(r.file);
    free(r.buf);
    free(r.names);
    nastl_arena_finish(&r.arena);
    if (status == NASTL_OK && rows)
        *rows = count;
    return status;
}

/* ---- writing ----------------------------------------------------------------------- */

/* A lone empty field would be an empty line, which readers skip. */
void nastl_csv_put(struct nastl_strbuf *buf, const char *text, int first)
{
    if (!first)
        nastl_strbuf_add_bytes(buf, ",", 1);
    if (*text && !strpbrk(text, ",\"\r\n")) {
        nastl_strbuf_add(buf, text);
        return;
    }
    if (!*text && !first)
        return;
    nastl_strbuf_add_bytes(buf, "\"", 1);
    for (; *text; text++)
        nastl_strbuf_add_bytes(buf, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    nastl_strbuf_add_bytes(buf, "\"", 1);
}

void nastl_csv_put_number(struct nastl_strbuf *buf, double value, int first)
{
    if (!first)
        nastl_strbuf_add_bytes(buf, ",", 1);
    if (!isnan(value))
        nastl_strbuf_add_number(buf, value);
}

struct nastl_csv_writer {
    char *path;
    char *temporary; /* NULL for standard output and devices */
    FILE *plain;     /* one of the two */
    gzFile gz;
    int number; /* the errno of the first write that failed */
};

static bool ends_in_gz(const char *path)
{
    const size_t length = strlen(path);
    return length >= 3 && strcmp(path + length - 3, ".gz") == 0;
}

static void destroy_writer(struct nastl_csv_writer *writer)
{
    free(writer->temporary);
    free(writer->path);
    free(writer);
}

static int open_writer(struct nastl_csv_writer *writer)
{
    if (!nastl_file_is_device(writer->path))
        TRY(nastl_file_temporary(&writer->temporary, writer->path));
    const char *place = writer->temporary ? writer->temporary : writer->path;
    if (ends_in_gz(writer->path))
        writer->gz = gzopen(place, "wbe");
    else
        writer->plain = fopen(place, "wbe");
    if (writer->gz || writer->plain)
        return NASTL_OK;
    const int number = errno;
    if (writer->temporary)
        nastl_file_discard(writer->temporary);
    return nastl_file_error(writer->path, "cannot create", number);
}

int nastl_csv_create(struct nastl_csv_writer **out, const char *path)
{
    struct nastl_csv_writer *writer = nastl_alloc_zero(1, sizeof *writer);
    if (!writer)
        return nastl_error_nomem(path);
    writer->path = nastl_strdup(path);
    int status = writer->path ? NASTL_OK : nastl_error_nomem(path);
    if (status == NASTL_OK && strcmp(path, "-") == 0)
        writer->plain = stdout;
    else if (status == NASTL_OK)
        status = open_writer(writer);
    if (status < 0) {
        destroy_writer(writer);
        return status;
    }
    *out = writer;
    return NASTL_OK;
}

int nastl_csv_write(struct nastl_csv_writer *writer, const char *text, size_t length)
{
    errno = 0;
    const size_t put = writer->gz ? gzfwrite(text, 1, length, writer->gz)
                                  : fwrite(text, 1, length, writer->plain);
    if (put == length)
        return NASTL_OK;
    writer->number = errno ? errno : EIO;
    return nastl_file_error(writer->path, "cannot write", writer->number);
}

/* Ends the stream; standard output stays open. Returns 0, or an errno. */
static int end_stream(struct nastl_csv_writer *writer)
{
    int failed;
    errno = 0;
    if (writer->gz)
        failed = gzclose_w(writer->gz) != Z_OK;
    else if (writer->plain == stdout)
        failed = fflush(stdout) != 0;
    else
        failed = fclose(writer->plain) != 0;
    if (writer->number == 0 && failed)
        writer->number = errno ? errno : EIO;
    return writer->number;
}

int nastl_csv_close(struct nastl_csv_writer *writer)
{
    const int number = end_stream(writer);
    int status =
        number ? nastl_file_error(writer->path, "cannot write", number) : NASTL_OK;
    if (writer->temporary) {
        if (status == NASTL_OK)
            status = nastl_file_commit(writer->temporary, writer->path);
        if (status < 0)
            nastl_file_discard(writer->temporary);
    }
    destroy_writer(writer);
    return status;
}

void nastl_csv_abort(struct nastl_csv_writer *writer)
{
    end_stream(writer);
    if (writer->temporary)
        nastl_file_discard(writer->temporary);
    destroy_writer(writer);
}
