// SPDX-License-Identifier: Apache-2.0
// What DBManager answers, without the server around it. On the loop's thread.
#pragma once

#include "core/status.h"
#include "proto/api.pb.h"
#include "suggest/db_manager.h"

namespace qalam {

namespace wire = ::api::v1::beta1;

// INVALID_ARGUMENT: a time that is none. Nothing is reported then.
Status AnswerGet(DbManagerBackend& backend, const wire::GetObservationLogRequest& request,
                 wire::GetObservationLogReply* reply);
Status AnswerReport(DbManagerBackend& backend, const wire::ReportObservationLogRequest& request);

}  // namespace qalam
