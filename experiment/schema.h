// SPDX-License-Identifier: Apache-2.0
// The table of fields as JSON Schema (draft 7), for editors and for those who check files without this program.
#pragma once

#include "core/document.h"

namespace qalam {

// Stricter than the reader in one thing: an unknown field is no warning but an error, as under `--strict`. What only
// the reader can tell (a name that is there twice, min above max, placeholders) is not in it.
Node ExperimentSchema();

}  // namespace qalam
