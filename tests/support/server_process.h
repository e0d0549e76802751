#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace trinity {

// A server that runs beside the test: a program that writes its address on a line and then serves
// until it is told to end.
class ServerProcess {
 public:
  // Waits for the address. Throws std::runtime_error where the program ends before.
  ServerProcess(const std::string& program, const std::vector<std::string>& arguments,
                const std::vector<std::string>& environment = {});
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();  // kills it

  const std::string& url() const { return url_; }
  int port() const;  // of http://host:port

  void Signal(int signal) const;
  // Waits for the end, at most a minute; the exit code, or -1 where a signal or this ended it.
  int Wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string url_;
};

}  // namespace trinity
