// SPDX-License-Identifier: Apache-2.0
// Quantiles of the laws that intervals rest on. Internal.
#pragma once

namespace recforce::ope {

// z with P(Z <= z) = p for a standard normal Z. REQUIRES: p in (0, 1).
double NormalQuantile(double p);
// t with P(T <= t) = p for Student's T; good to about 1e-10 relative. REQUIRES: p in (0, 1), degrees >= 1.
double StudentQuantile(double p, double degrees);

}  // namespace recforce::ope
