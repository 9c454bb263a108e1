// SPDX-License-Identifier: Apache-2.0
// qalam man: the manual page, from the table of verbs.
#include "cli/lookup.h"
#include "cli/verb_words.h"
#include "cli/verbs.h"

namespace qalam {

Verb MakeManVerb() {
  const auto output = std::make_shared<std::string>("man");
  Verb verb{"man", "print the manual page"};
  verb.footer = "Examples:\n  qalam man | man -l -\n  qalam man > /usr/local/share/man/man1/qalam.1";
  verb.Option("-o,--output", output.get(), "a page for man, or the reference of docs/cli.md")
      .OneOf({"man", "markdown"});
  verb.run = [output](const Invocation&) {
    const std::string form = *output;
    const std::vector<Verb> verbs = Verbs();
    Print(form == "markdown" ? MarkdownReference(verbs) : ManPage(verbs));
    return 0;
  };
  return verb;
}

}  // namespace qalam
