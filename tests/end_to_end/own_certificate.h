#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/process.h"

namespace trinity {

// A key and a certificate of this machine, signed by itself, in files.
struct OwnCertificate {
  std::string key = testing::TempDir() + "own_key.pem";
  std::string certificate = testing::TempDir() + "own_certificate.pem";

  OwnCertificate() {
    const ProcessResult made =
        RunProcess("/usr/bin/openssl",
                   {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj",
                    "/CN=trinity", "-addext", "subjectAltName=IP:127.0.0.1"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
  }
};

}  // namespace trinity
