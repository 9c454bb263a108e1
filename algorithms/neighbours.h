// SPDX-License-Identifier: Apache-2.0
// Points that differ from another one in a single parameter: what searches that move by small edits have in common.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "core/rng.h"
#include "core/search_space.h"

namespace qalam {

// Draws anew each parameter that is active and was not `before`, and moves those that are not active to their rest.
void DrawNewlyActive(const SearchSpace& space, const std::vector<char>& before, Rng& rng, Eigen::VectorXd* unit);

// One parameter that can change has changed: a categorical to any other choice, what is ordered to any other level or,
// half of the time, by a step or two; a continuous one by a bell around where it was. What becomes active by that is
// drawn. The same point where nothing can change.
Eigen::VectorXd Mutate(const SearchSpace& space, const Eigen::VectorXd& unit, Rng& rng);

// Every other choice of each categorical; 1, 2, 4, ... levels up and down for what is ordered. Nothing for continuous
// parameters: they have no neighbours that could be counted. What becomes active is where it rests.
std::vector<Eigen::VectorXd> Neighbours(const SearchSpace& space, const Eigen::VectorXd& unit);

}  // namespace qalam
