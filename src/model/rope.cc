#include "model/rope.h"

#include <cmath>

namespace trinity {

void FillRopeTables(const Config& config, std::span<const int64_t> positions, Matrix& cos,
                    Matrix& sin) {
  const int64_t half = config.head_dim / 2;
  const auto rows = static_cast<int64_t>(positions.size());
  cos.Resize(rows, half);
  sin.Resize(rows, half);
  for (int64_t i = 0; i < half; ++i) {
    const double exponent = static_cast<double>(2 * i) / static_cast<double>(config.head_dim);
    const auto frequency = static_cast<float>(1.0 / std::pow(config.rope_theta, exponent));
    for (int64_t row = 0; row < rows; ++row) {
      const float angle = static_cast<float>(positions[static_cast<size_t>(row)]) * frequency;
      cos.Row(row)[i] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sin.Row(row)[i] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
}

}  // namespace trinity
