/* texts.c: see texts.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/texts.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>

void nastl_texts_free(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

int nastl_texts_copy(char ***out, size_t *copied, char *const *texts, size_t count)
{
    *copied = 0;
    *out = nastl_alloc_zero(count, sizeof **out);
    if (!*out)
        return nastl_error_nomem("a list of texts");
    for (size_t i = 0; i < count; i++) {
        (*out)[i] = nastl_strdup(texts[i]);
        if (!(*out)[i])
            return nastl_error_nomem("a list of texts");
        *copied = i + 1;
    }
    return NASTL_OK;
}
