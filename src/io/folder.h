/* folder.h: a folder that one process works in.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_FOLDER_H
#define IO_FOLDER_H

/* Holds FOLDER against other processes that ask for it, until it is released or this
 * process ends, however it does. NASTL_EINVAL where another one holds it. A file system
 * that cannot lock lets all of them pass. */
int nastl_folder_hold(int *out, const char *folder);
void nastl_folder_release(int held); /* accepts -1 */

/* Removes the temporary files (of nastl_file_temporary()) that killed processes left in
 * FOLDER. Nobody else may write there meanwhile. */
void nastl_folder_sweep(const char *folder);

/* Removes the files in FOLDER whose names begin with PREFIX ("": all); folders stay. */
void nastl_folder_clear(const char *folder, const char *prefix);

#endif
