#include "model/dense_mlp.h"

#include <array>

#include "kernels/elementwise.h"
#include "model/projection.h"

namespace trinity {

void DenseMlp::Forward(Activations& a) const {
  MlpActivations& mlp = a.dense;
  Project(std::array{Projection{&weights_.gate_proj, &a.mlp_input, &mlp.gate},
                     Projection{&weights_.up_proj, &a.mlp_input, &mlp.up}},
          pool_);
  mlp.hidden.Resize(mlp.gate.rows(), mlp.gate.cols());
  ForEachRow(pool_, mlp.gate.rows(), [&](int64_t row) {
    SiluMultiply(mlp.gate.Row(row), mlp.up.Row(row), 1.0F, mlp.gate.cols(), mlp.hidden.Row(row));
  });
  Project(std::array{Projection{&weights_.down_proj, &mlp.hidden, &a.mlp_output}}, pool_);
}

}  // namespace trinity
