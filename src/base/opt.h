/* opt.h: what base offers beyond <nastl/opt.h>: spelling distance and lists.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <nastl/opt.h>

/* Levenshtein's distance, at most 63 bytes of each; dashes equal underscores. */
size_t nastl_text_distance(const char *a, const char *b);

/* The nearest of `count` names, NULL if none is near. */
const char *nastl_text_nearest(const char *const *names, size_t count, const char *name);

int nastl_list_add(struct nastl_list *list, const char *item, size_t length);
int nastl_list_split(struct nastl_list *list, const char *text, char separator);
int nastl_list_copy(struct nastl_list *out, const struct nastl_list *list);
void nastl_list_finish(struct nastl_list *list);
bool nastl_list_has(const struct nastl_list *list, const char *item);
int nastl_list_join(char **out, const struct nastl_list *list, const char *separator);

#endif
