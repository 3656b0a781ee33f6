/* nastl.h: neural architecture search with transfer learning for tabular network data.
 * Includes every public header; link with `pkg-config --libs nastl`.
 *
 * Opaque handles come in create/destroy (load/destroy) pairs; one handle belongs to one
 * thread at a time; different handles may be used by different threads at once. Strings
 * handed out as `char **` are freed with free().
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_NASTL_H
#define NASTL_NASTL_H

#include <nastl/cell.h>
#include <nastl/data.h>
#include <nastl/error.h>
#include <nastl/meter.h>
#include <nastl/model.h>
#include <nastl/opt.h>
#include <nastl/pareto.h>
#include <nastl/report.h>
#include <nastl/run.h>
#include <nastl/space.h>
#include <nastl/study.h>
#include <nastl/version.h>

#endif
