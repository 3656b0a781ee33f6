/* texts.h: arrays of texts that belong to whoever holds them: levels, classes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_TEXTS_H
#define DATA_TEXTS_H

#include <stddef.h>

void nastl_texts_free(char **texts, size_t count); /* accepts NULL */

/* *out is freed with nastl_texts_free(*out, *copied), also after a failure. */
int nastl_texts_copy(char ***out, size_t *copied, char *const *texts, size_t count);

#endif
