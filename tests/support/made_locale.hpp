// tests/support/made_locale.hpp — a locale of another language, made for a test: a bare system has none.
#pragma once

#include "support/scratch_directory.hpp"

#include <cstdlib>
#include <string>

/// `source` as Debian's package locales describes it, such as de_DE. LOCPATH must be directory() where it is used.
class MadeLocale {
 public:
  explicit MadeLocale(const std::string& source) : name_(source + ".UTF-8") {
    const std::string command =
        "localedef -i " + source + " -f UTF-8 '" + (directory_ / name_).string() + "' >/dev/null 2>&1";
    made_ = std::system(command.c_str()) == 0;
  }
  bool made() const { return made_; }  ///< false where the package is not installed
  std::string directory() const { return directory_.path().string(); }
  const std::string& name() const { return name_; }

 private:
  ScratchDirectory directory_;
  std::string name_;
  bool made_ = false;
};
