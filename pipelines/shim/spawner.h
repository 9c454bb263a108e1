// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace qalam::shim {

// Starts a shim for each folder named in a message on kSpawnerSocket and answers with its pid, or a negative errno:
// a fork of this small process, without the exec that a shim started alone needs. The shim is the child of whoever
// started the spawner. Returns when the other side has closed. `name` is this process's argv[1]: a shim shows its
// folder there.
int Spawn(char* name, int (*run_attempt)(const char* folder));

}  // namespace qalam::shim
