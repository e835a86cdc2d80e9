/* Words that several outputs share, so that they say the same. All text is plain: no markup, no
 * control characters. */
#ifndef MEMSAMPLE_RENDER_WORDING_H
#define MEMSAMPLE_RENDER_WORDING_H

#include "base/bytes.h"
#include "model/profile.h"

/* Appends `text` (valid UTF-8), with characters that move the cursor, break lines, or turn or hide
 * text replaced by escapes. */
void wording_put_visible(struct buffer *out, const char *text);

/* "prices.py:41", "prices.py" when the line is not known, "<native>". */
void wording_put_place(struct buffer *out, const struct profile_row *row);

/* "exit status 0", "ended by signal 9 (KILL)", "still running when memsample left". */
void wording_put_ending(struct buffer *out, const struct profile *profile);

/* "job.py held 1.92 GiB at its peak, 12.4 s in; 73 % of that came in at prices.py:41 (load)." */
void wording_put_answer(struct buffer *out, const struct profile *profile);

/* What a reader must know beside the figures, as sentences; nothing when there is nothing. */
void wording_put_notes(struct buffer *out, const struct profile *profile);

/* "ring clock: the kernel reports page faults, and …" */
void wording_put_clock(struct buffer *out, const struct profile *profile);

/* "78 % of the growth certain, 0.3 % unattributed, pauses 0.4 % of the run" */
void wording_put_trust(struct buffer *out, const struct profile *profile);

/* "1,204 native stacks: 98 % whole, …, libfoo.so (12 without unwind information)"; nothing without
 * native frames. */
void wording_put_native(struct buffer *out, const struct profile *profile);

/* What certain means, as sentences. */
extern const char wording_certain[];

/* "exited", "signaled", "detached", "lost" or "cut": the names in machine-readable output. */
const char *wording_end_reason(const struct profile *profile);

/* What a special row means, or NULL for a row of code. */
const char *wording_special(const struct profile_row *row);

/* Takes the text out of a buffer as a C string; NULL when memory ran out. Free with free(). */
char *wording_take(struct buffer *buffer);

#endif
