#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace trinity {

// The sampling steps as their definitions say them, by sorting everything, in double precision:
// what the sampler is compared with. A distribution is one probability for each token; removed
// tokens have none.
using Distribution = std::vector<double>;

inline constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

inline Distribution PlainSoftmax(const std::vector<float>& logits, double temperature = 1) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  Distribution p;
  for (const float logit : logits) p.push_back(std::exp((logit - largest) / temperature));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= sum;
  return p;
}

// Token ids by descending key, of equal ones the lowest first.
template <class Key>
std::vector<int32_t> IdsByKey(size_t size, const Key& key) {
  std::vector<int32_t> ids(size);
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) { return key(a) > key(b); });
  return ids;
}

// The first of `ids` that together have at least `share`, in ascending order.
inline std::vector<int32_t> FirstThatHold(const std::vector<int32_t>& ids, const Distribution& p,
                                          double share) {
  std::vector<int32_t> kept;
  double held = 0;
  for (const int32_t id : ids) {
    kept.push_back(id);
    held += p[id];
    if (held >= share) break;
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

inline std::vector<int32_t> PlainTopK(const std::vector<float>& logits, size_t k) {
  std::vector<int32_t> ids = IdsByKey(logits.size(), [&](int32_t id) { return logits[id]; });
  ids.resize(std::min(k, ids.size()));
  std::sort(ids.begin(), ids.end());
  return ids;
}

inline std::vector<int32_t> PlainTopP(const std::vector<float>& logits, double share) {
  const Distribution p = PlainSoftmax(logits);
  return FirstThatHold(IdsByKey(p.size(), [&](int32_t id) { return logits[id]; }), p, share);
}

inline std::vector<int32_t> PlainMinP(const std::vector<float>& logits, double ratio) {
  const Distribution p = PlainSoftmax(logits);
  const double largest = *std::max_element(p.begin(), p.end());
  std::vector<int32_t> kept;
  for (size_t id = 0; id < p.size(); ++id) {
    if (p[id] >= ratio * largest) kept.push_back(static_cast<int32_t>(id));
  }
  return kept;
}

inline std::vector<int32_t> PlainTypicalP(const std::vector<float>& logits, double share) {
  const Distribution p = PlainSoftmax(logits);
  double entropy = 0;
  for (const double value : p) entropy -= value > 0 ? value * std::log(value) : 0;
  // Rounded, so that equal probabilities have equal keys.
  const auto key = [&](int32_t id) {
    return static_cast<float>(-std::fabs(-std::log(p[id]) - entropy));
  };
  return FirstThatHold(IdsByKey(p.size(), key), p, share);
}

inline std::vector<int32_t> PlainTopNSigma(const std::vector<float>& logits, double num_sigmas) {
  std::vector<double> finite;
  for (const float logit : logits) {
    if (std::isfinite(logit)) finite.push_back(logit);
  }
  const auto count = static_cast<double>(finite.size());
  const double mean = std::accumulate(finite.begin(), finite.end(), 0.0) / count;
  double variance = 0;
  for (const double x : finite) variance += (x - mean) * (x - mean) / count;
  const double largest = *std::max_element(finite.begin(), finite.end());
  std::vector<int32_t> kept;
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] >= largest - num_sigmas * std::sqrt(variance)) {
      kept.push_back(static_cast<int32_t>(id));
    }
  }
  return kept;
}

inline std::vector<int32_t> PlainXtc(const std::vector<float>& logits, double threshold) {
  const Distribution p = PlainSoftmax(logits);
  std::vector<int32_t> top = IdsByKey(p.size(), [&](int32_t id) { return logits[id]; });
  size_t num_top = 0;
  while (num_top < top.size() && p[top[num_top]] >= threshold && p[top[num_top]] > 0) ++num_top;
  if (num_top > 1) top.erase(top.begin(), top.begin() + static_cast<ptrdiff_t>(num_top) - 1);
  std::sort(top.begin(), top.end());
  return top;
}

// The distribution of `logits` at `temperature` with all tokens but `kept` removed.
inline Distribution Restricted(const std::vector<float>& logits, const std::vector<int32_t>& kept,
                               double temperature = 1) {
  std::vector<float> rest(logits.size(), kMinusInfinity);
  for (const int32_t id : kept) rest[id] = logits[id];
  return PlainSoftmax(rest, temperature);
}

enum class Ties { kNone, kMany };

inline std::vector<float> RandomLogits(std::mt19937& random, size_t size, Ties ties) {
  std::normal_distribution<float> normal(0.0F, 2.0F);
  std::vector<float> logits;
  for (size_t i = 0; i < size; ++i) {
    const float x = normal(random);
    logits.push_back(ties == Ties::kMany ? std::round(x * 2) / 2 : x);
  }
  return logits;
}

}  // namespace trinity
