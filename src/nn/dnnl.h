/* dnnl.h: the only door to oneDNN: dnnl_2.c knows generation 2.6.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_DNNL_H
#define NN_DNNL_H

/* Version ("2.6.3") and the instruction set that it uses ("avx512_core_bf16"). */
void nastl_dnnl_describe(char version[32], char isa[64]);

#endif
