// SPDX-License-Identifier: Apache-2.0
// One table of settings per algorithm: it parses, validates, prints help and makes the docs page. Say nothing twice.
#pragma once

namespace qalam {
class SettingsTable;  // to be completed by the algorithms room
}
