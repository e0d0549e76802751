#pragma once

namespace trinity {

// A number that was written with seven digits and held as float32 since: 2.826 for the float
// 2.8259999752044678. Numbers that are no float32 stay as they are.
double ShortestDecimal(double number);

}  // namespace trinity
