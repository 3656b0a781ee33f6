/* hardware.c: what this machine offers, and in words why something is missing.
 * SPDX-License-Identifier: Apache-2.0 */
#include <nastl/meter.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "io/json.h"
#include "meter/counters.h"
#include "meter/energy.h"
#include "meter/sysfs.h"
#include "nn/dnnl.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- processor and memory ---------------------------------------------------------- */

/* The name goes by another key on other architectures. */
static void probe_cpu(struct nastl_hardware *out)
{
    static const char *const keys[] = {"model name", "Model", "cpu", "uarch"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (nastl_sysfs_cpuinfo(out->cpu, sizeof out->cpu, keys[i]))
            return;
    snprintf(out->cpu, sizeof out->cpu, "unknown");
}

/* Those that this process may run on; the set grows until the kernel's fits. */
static int count_threads(void)
{
    for (int size = 1024; size <= 1 << 20; size *= 2) {
        cpu_set_t *set = CPU_ALLOC(size);
        if (!set)
            break;
        const size_t bytes = CPU_ALLOC_SIZE(size);
        const bool fits = sched_getaffinity(0, bytes, set) == 0;
        const int count = fits ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (fits)
            return count;
    }
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* A core is counted at the first of the processors that share it; 0 if not told. */
static int count_cores(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_CONF);
    int cores = 0;
    for (long cpu = 0; cpu < processors; cpu++) {
        long first;
        if (nastl_sysfs_number(
                &first, "/sys/devices/system/cpu/cpu%ld/topology/thread_siblings_list",
                cpu))
            cores += first == cpu;
    }
    return cores;
}

/* "48K" -> 49152, 0 for anything else. */
static long bytes_of(const char *text)
{
    char *unit;
    const long number = strtol(text, &unit, 10);
    if (unit == text || number < 0)
        return 0;
    return *unit == 'K' ? number << 10 : *unit == 'M' ? number << 20 : number;
}

static void probe_caches(struct nastl_hardware *out)
{
    static const char folder[] = "/sys/devices/system/cpu/cpu0/cache";
    long level;
    for (int i = 0; nastl_sysfs_number(&level, "%s/index%d/level", folder, i); i++) {
        char path[96], type[32], size[32];
        snprintf(path, sizeof path, "%s/index%d/type", folder, i);
        const bool typed = nastl_sysfs_line(type, sizeof type, path);
        snprintf(path, sizeof path, "%s/index%d/size", folder, i);
        const bool sized = nastl_sysfs_line(size, sizeof size, path);
        if (typed && sized && level >= 1 && level <= 3 && strcmp(type, "Instruction"))
            out->cache[level - 1] = bytes_of(size);
    }
}

static long memory_bytes(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? pages * size : 0;
}

/* ---- probing ----------------------------------------------------------------------- */

/* The reason is the last error's sentence without its "energy: ". */
static int probe_energy(struct nastl_hardware *out)
{
    static const char what[] = "energy: ";
    struct nastl_energy *energy;
    const int status = nastl_energy_open(&energy);
    if (status == NASTL_OK) {
        out->energy = true;
        snprintf(out->energy_source, sizeof out->energy_source, "%s",
                 nastl_energy_source(energy));
        nastl_energy_close(energy);
        return NASTL_OK;
    }
    if (status != NASTL_ENOTSUP)
        return status;
    const char *reason = nastl_error_last();
    if (strncmp(reason, what, sizeof what - 1) == 0)
        reason += sizeof what - 1;
    snprintf(out->energy_reason, sizeof out->energy_reason, "%s", reason);
    return NASTL_OK;
}

int nastl_hardware_probe(struct nastl_hardware *out)
{
    *out = (struct nastl_hardware){0};
    probe_cpu(out);
    out->threads = count_threads();
    out->cores = count_cores();
    nastl_dnnl_describe(out->onednn, out->isa);
    probe_caches(out);
    out->memory = memory_bytes();
    out->counters = nastl_counters_probe(out->counters_reason);
    return probe_energy(out);
}

/* ---- as text ----------------------------------------------------------------------- */

static void add_bytes(struct nastl_strbuf *buf, long bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double shown = (double)bytes;
    size_t unit = 0;
    while (shown >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        shown /= 1024;
        unit++;
    }
    if (bytes)
        nastl_strbuf_addf(buf, "%.4g %s", shown, units[unit]);
    else
        nastl_strbuf_add(buf, "unknown");
}

static void add_caches(struct nastl_strbuf *buf, const long cache[3])
{
    static const char *const names[] = {"L1d", "L2", "L3"};
    for (int i = 0; i < 3; i++) {
        nastl_strbuf_addf(buf, "%s%s ", i ? ", " : "", names[i]);
        add_bytes(buf, cache[i]);
    }
}

static void add_offer(struct nastl_strbuf *buf, bool available, const char *what,
                      const char *reason)
{
    nastl_strbuf_addf(buf, "%s%s",
                      available ? "" : "unavailable: ", available ? what : reason);
}

static int as_text(char **out, const struct nastl_hardware *h)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_strbuf_addf(&buf, "processor  %s\nthreads    %d", h->cpu, h->threads);
    if (h->cores)
        nastl_strbuf_addf(&buf, " usable; %d cores in the machine", h->cores);
    nastl_strbuf_addf(&buf, "\noneDNN     %s, %s\ncaches     ", h->onednn, h->isa);
    add_caches(&buf, h->cache);
    nastl_strbuf_add(&buf, "\nmemory     ");
    add_bytes(&buf, h->memory);
    nastl_strbuf_add(&buf, "\ncounters   ");
    add_offer(&buf, h->counters, "cycles, through PAPI", h->counters_reason);
    nastl_strbuf_add(&buf, "\nenergy     ");
    add_offer(&buf, h->energy, h->energy_source, h->energy_reason);
    nastl_strbuf_add(&buf, "\n");
    return nastl_strbuf_take(out, &buf);
}

/* ---- as JSON ----------------------------------------------------------------------- */

/* null where it is not known. */
static json_t *known(long value)
{
    return value ? json_integer(value) : json_null();
}

static json_t *offer(bool available, const char *reason)
{
    return json_pack("{s:b, s:s?}", "available", available, "reason",
                     available ? NULL : reason);
}

static json_t *as_object(const struct nastl_hardware *h)
{
    json_t *object = json_pack(
        "{s:o, s:i, s:o, s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:o}", "cpu",
        nastl_json_text(h->cpu), "threads", h->threads, "cores", known(h->cores), "isa",
        nastl_json_text(h->isa), "onednn", nastl_json_text(h->onednn), "cache", "l1d",
        known(h->cache[0]), "l2", known(h->cache[1]), "l3", known(h->cache[2]), "memory",
        known(h->memory), "counters", offer(h->counters, h->counters_reason), "energy",
        offer(h->energy, h->energy_reason));
    if (object)
        json_object_set_new(json_object_get(object, "energy"), "source",
                            nastl_json_text(h->energy ? h->energy_source : NULL));
    return object;
}

static int as_json(char **out, const struct nastl_hardware *hardware)
{
    json_t *object = as_object(hardware);
    if (!object)
        return nastl_error_nomem("the hardware's description");
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_json_write(&buf, object, 2);
    nastl_strbuf_add(&buf, "\n");
    json_decref(object);
    return nastl_strbuf_take(out, &buf);
}

int nastl_hardware_text(char **out, const struct nastl_hardware *hardware, bool json)
{
    return json ? as_json(out, hardware) : as_text(out, hardware);
}
