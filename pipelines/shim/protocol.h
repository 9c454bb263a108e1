// SPDX-License-Identifier: Apache-2.0
// What the engine and the shim agree on: the files of an attempt's folder, the marker that finds its processes, and
// what the shim's own exit code says. docs/run-folder.md tells it to people.
#pragma once

namespace qalam::shim {

// NUL-terminated fields "key=value", the last one "end=": arg, env, cwd, timeout-ms, grace-ms, memory,
// open-files, bind-from, bind-to, bind-read-only, marker, hint, gpus, secrets. Unknown keys are skipped. A bind-from
// begins a mount, which the other bind- fields then complete.
inline constexpr char kCommandFile[] = "command";
// Of the same form, and there when the command file says "secrets=": env and, in place of all of the command's, arg.
// The shim removes it once the attempt has started.
inline constexpr char kSecretsFile[] = "secrets";
// Lines "key=value": boot, shim, child (each "pid ticks"), started (ns since 1970), cgroup, memory-cgroup, gpus,
// marker; the last line is "end". Whole or worthless: the command is released only when all of it is on disk.
inline constexpr char kStartedFile[] = "started";
inline constexpr char kStartedEnd[] = "\nend\n";
inline constexpr char kExitFile[] = "exit.json";
inline constexpr char kExitDraft[] = "exit.json.tmp";
inline constexpr char kOutputFile[] = "output.log";
inline constexpr char kFilesFolder[] = "files";

inline constexpr char kMarkerVariable[] = "QALAM_ATTEMPT";

// Exit codes. kSetupFailed + errno: nothing was started, it may be tried again.
inline constexpr int kDone = 0, kAlreadyStarted = 1, kLockHeld = 2, kUsage = 64, kSetupFailed = 100;

// With this instead of a folder it only says whether it may mount here: kDone, or kSetupFailed + errno.
inline constexpr char kProbeMounts[] = "--can-mount";

// With this, padded at its end to the length of the longest folder to be shown, it starts a shim for each folder that
// comes as a message on the socket, and answers with an int32: its pid, or a negative errno.
inline constexpr char kSpawner[] = "--spawn";
inline constexpr int kSpawnerSocket = 3;

}  // namespace qalam::shim
