#include "train/norm_gradient.h"

#include <cmath>

namespace trinity {

void AddNormGradient(const Norm& norm, const float* x, const float* output_gradient,
                     float* input_gradient, float* weight_gradient) {
  const size_t size = norm.weight.size();
  double squares = 0, products = 0;
  for (size_t i = 0; i < size; ++i) {
    squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    products +=
        static_cast<double>(norm.weight[i] * output_gradient[i]) * static_cast<double>(x[i]);
  }
  const double count = static_cast<double>(size);
  const double r = 1 / std::sqrt(squares / count + static_cast<double>(norm.epsilon));
  const auto scale = static_cast<float>(r);
  const auto shift = static_cast<float>(r * r * r * products / count);
  for (size_t i = 0; i < size; ++i) {
    input_gradient[i] += scale * norm.weight[i] * output_gradient[i] - shift * x[i];
    weight_gradient[i] += output_gradient[i] * x[i] * scale;
  }
}

void AddNormGradient(const Norm& norm, const Matrix& x, const Matrix& output_gradient,
                     Matrix& input_gradient, Matrix& weight_gradient) {
  for (int64_t row = 0; row < x.rows(); ++row) {
    AddNormGradient(norm, x.Row(row), output_gradient.Row(row), input_gradient.Row(row),
                    weight_gradient.Row(0));
  }
}

}  // namespace trinity
