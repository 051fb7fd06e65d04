// SPDX-License-Identifier: Apache-2.0
#include "cli/run_settings.h"

#include <unistd.h>

#include <exception>
#include <filesystem>

#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/config/recbole_names.h"
#include "sim/environment_config.h"
#include "train/open_environment.h"
#include "train/run.h"

namespace recforce::cli {
namespace {

[[noreturn]] void Usage(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }

std::vector<std::string> NamesBut(const core::Registry& registry, const std::string& model) {
  std::vector<std::string> names;
  for (const core::AlgorithmSpec& spec : registry.all()) {
    if (spec.name != model) {
      names.push_back(spec.name);
    }
  }
  return names;
}

// Our name of the model that `settings` name. RecBole's class names are read here, not where a file is, because only
// the last layer that names a model counts.
std::string ModelOf(const config::Settings& settings) {
  std::string where = "model";
  for (const config::Settings::Entry& entry : settings.Entries()) {
    where = entry.section.empty() && entry.field->key == "model" ? entry.origin + ": model" : where;
  }
  return config::OurAlgorithmName(where, settings.section("").As<train::RunConfig>().model);
}

// Which model the configuration files ask for. A file may hold bare keys that only one algorithm knows, so a file
// counts as understood when any algorithm can read it.
std::string ModelOfFiles(const SettingsArgs& args, const core::Registry& registry, const std::string& command) {
  std::exception_ptr first_error;
  for (const core::AlgorithmSpec& spec : registry.all()) {
    config::Settings settings = train::MakeSettings(spec);
    try {
      for (const std::string& file : args.config_files) {
        settings.LoadYaml(file, NamesBut(registry, spec.name));
      }
    } catch (const base::Error&) {
      if (settings.IsSet("model") && settings.section("").As<train::RunConfig>().model == spec.name) {
        throw;  // the file names this model, so its complaint is the one that helps
      }
      if (!first_error) {
        first_error = std::current_exception();
      }
      continue;
    }
    if (settings.IsSet("model")) {
      return ModelOf(settings);
    }
    first_error = nullptr;
    break;
  }
  if (first_error) {
    std::rethrow_exception(first_error);
  }
  Usage(command + ": the model is missing; expected --model NAME, or 'model' in a --config file; NAME is one of " +
        base::Join(registry.Names(), ", "));
}

// `model`: ours, whatever name --model gives it.
void ApplyFlags(const SettingsArgs& args, const std::string& model, const Session& session,
                config::Settings& settings) {
  for (const std::string& pair : args.settings) {
    const auto [key, value] = CutSetting(pair, "section.key=value");
    if (key == "model") {
      Usage("--set: the model is not set here: '" + pair + "'; expected --model NAME");
    }
    settings.Set(key, value, "--set");
  }
  if (args.model) {
    settings.Set("model", model, "--model");
  }
  if (args.data) {
    settings.Set("data", *args.data, "--data");
  }
  if (args.environment) {
    if (!train::MayLearnFromUsers(session.registry.Get(model))) {
      Usage("--environment: '" + model + "' learns from a dataset: '" + *args.environment + "'; expected --data DIR");
    }
    settings.Set("environment.source", *args.environment, "--environment");
  }
  if (args.seed) {
    settings.Set("seed", std::to_string(*args.seed), "--seed");
  }
  if (args.device) {
    settings.Set("device", *args.device, "--device");
  }
  if (args.valid_metric) {
    settings.Set("train.valid_metric", *args.valid_metric, "--metric");
  }
  if (session.common.threads) {
    settings.Set("threads", std::to_string(*session.common.threads), "--threads");
  }
}

// Gives `key` of `section` another value and keeps where the old one came from.
void Replace(config::Settings& settings, const std::string& section, const std::string& key, const std::string& value) {
  for (const config::Settings::Entry& entry : settings.Entries()) {
    if (entry.section == section && entry.field->key == key) {
      settings.Set(section.empty() ? key : section + "." + key, value, entry.origin);
      return;
    }
  }
}

std::string Absolute(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

void CheckEnvironmentSource(config::Settings& settings, const std::string& command) {
  const std::string& model = settings.section("").As<train::RunConfig>().model;
  if (const std::string& data = settings.section("").As<train::RunConfig>().data; !data.empty()) {
    Usage(command + ": '" + model + "' learns in an environment, not from a dataset: '" + data +
          "'; expected --environment in place of --data");
  }
  const std::string source = settings.section("environment").As<sim::EnvironmentConfig>().source;
  if (source.empty()) {
    Usage(command + ": the environment of '" + model +
          "' is missing; expected --environment world:NAME, or --environment RUN of a user model");
  }
  if (!train::IsWorld(source)) {
    Replace(settings, "environment", "source", Absolute(source));
  }
}

// A run folder must find its dataset from anywhere.
void MakeDataAbsolute(config::Settings& settings, const std::string& command, bool may_learn_from_users) {
  const std::string data = settings.section("").As<train::RunConfig>().data;
  if (data.empty()) {
    Usage(command + ": the dataset is missing; expected --data DIR, or 'data' in a --config file" +
          (may_learn_from_users ? ", or --environment world:NAME" : ""));
  }
  Replace(settings, "", "data", Absolute(data));
}

}  // namespace

config::Settings ResolveSettings(const SettingsArgs& args, const Session& session, const std::string& command) {
  const std::string model =
      args.model ? config::OurAlgorithmName("--model", *args.model) : ModelOfFiles(args, session.registry, command);
  config::Settings settings = train::MakeSettings(session.registry.Get(model));
  for (const std::string& file : args.config_files) {
    settings.LoadYaml(file, NamesBut(session.registry, model));
  }
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
  }
  settings.LoadEnvironment(variables);
  ApplyFlags(args, model, session, settings);
  if (const std::string& last = settings.section("").As<train::RunConfig>().model; last != model) {
    Usage("model: is set twice: '" + last + "' and '" + model + "'; use --model alone");
  }
  if (train::LearnsFromUsers(session.registry.Get(model), settings)) {
    CheckEnvironmentSource(settings, command);
  } else {
    MakeDataAbsolute(settings, command, train::MayLearnFromUsers(session.registry.Get(model)));
  }
  PrintNotices(settings.notices());
  return settings;
}

std::pair<std::string, std::string> CutSetting(const std::string& pair, const std::string& expected) {
  const std::size_t equals = pair.find('=');
  if (equals == std::string::npos || equals == 0) {
    Usage("--set: not a setting: '" + pair + "'; expected " + expected);
  }
  return {pair.substr(0, equals), pair.substr(equals + 1)};
}

void PrintNotices(const std::vector<config::Notice>& notices) {
  for (const config::Notice& notice : notices) {
    if (notice.warning) {
      base::LogWarn(notice.text);
    } else {
      base::LogInfo(notice.text);
    }
  }
}

}  // namespace recforce::cli
