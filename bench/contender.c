/* contender.c: lines in, lines out. SPDX-License-Identifier: Apache-2.0 */
#include "contender.h"

#include <nastl/version.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void reply_number(struct nastl_strbuf *reply, const char *key, double value)
{
    nastl_strbuf_addf(reply, " %s=", key);
    nastl_strbuf_add_number(reply, value);
}

static int prepare(const struct contender *contender, const char *line)
{
    char name[64], variant[64];
    if (sscanf(line, "prepare %63s %63s", name, variant) != 2)
        return nastl_error(NASTL_EINVAL, "'%s': that is no case and variant; give both",
                           line);
    return contender->prepare(contender->payload, name, variant);
}

static int obey(const struct contender *contender, const char *line,
                struct nastl_strbuf *reply)
{
    if (strncmp(line, "prepare ", 8) == 0)
        return prepare(contender, line);
    if (strncmp(line, "go ", 3) == 0)
        return contender->slice(contender->payload, strtod(line + 3, NULL), reply);
    return nastl_error(NASTL_EINVAL, "'%s': unknown; tell 'prepare' or 'go'", line);
}

int contend(const struct contender *contender)
{
    char line[256];
    struct nastl_strbuf reply;
    nastl_strbuf_init(&reply);
    printf("ready version=%s\n", contender->version ? contender->version : NASTL_VERSION);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        nastl_strbuf_clear(&reply);
        if (obey(contender, line, &reply) < 0)
            printf("error %s\n", nastl_error_last());
        else
            printf("ok%s\n", nastl_strbuf_text(&reply));
        fflush(stdout);
    }
    nastl_strbuf_finish(&reply);
    return 0;
}
