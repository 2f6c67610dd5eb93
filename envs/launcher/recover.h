// After a power failure. A change syncs its journal and its manifest, but not its thousands of files: those
// reach the disk some seconds later. Until then there is the mark ENV/.moat/unflushed, with the id of the
// boot. After another boot the files decide: if all match the manifest, the mark is removed; if one is cut
// short, the environment goes back to the state before, whose files had been on the disk long ago. Plain C
// for the launcher, as journal.h.
#ifndef MOAT_ENVS_LAUNCHER_RECOVER_H
#define MOAT_ENVS_LAUNCHER_RECOVER_H

#ifdef __cplusplus
extern "C" {
#endif
// NOLINTBEGIN(readability-identifier-naming)

enum moat_recovery {
  MOAT_RECOVERY_NOT_NEEDED = 0,  // no mark, or of this boot
  MOAT_RECOVERY_SOUND = 1,       // everything had reached the disk
  MOAT_RECOVERY_WENT_BACK = 2,   // to an earlier state, as a new change
  MOAT_RECOVERY_DAMAGED = -10,   // no earlier state is whole; moat_journal_error() names a file
  MOAT_RECOVERY_FAILED = -11     // the system refused; moat_journal_error() says what
};

// Where the kernel tells its boot from others.
#define MOAT_BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

// Is there a mark of another boot? Needs no lock. `env`: an open directory.
int moat_needs_recovery(int env, const char* boot_id_file);

// The caller holds the environment's lock, and no journal is there.
// A result of the enum above.
int moat_recover(int env, const char* boot_id_file);

// NOLINTEND(readability-identifier-naming)
#ifdef __cplusplus
}
#endif

#endif
