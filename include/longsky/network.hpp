// longsky/network.hpp — everything but a device: specs, data, network, optimizer, training, evaluation.
#pragma once

#include <longsky/core/macros.hpp>

#include <longsky/data/chunk_interleave.hpp>
#include <longsky/data/documents.hpp>
#include <longsky/data/key_value_lists.hpp>
#include <longsky/data/lengthy_tables.hpp>
#include <longsky/data/mixture.hpp>
#include <longsky/data/packing.hpp>
#include <longsky/data/record_lists.hpp>
#include <longsky/data/short_instructions.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/nn/init.hpp>
#include <longsky/optim/adamw.hpp>
#include <longsky/optim/schedule.hpp>
#include <longsky/train/corpus.hpp>
#include <longsky/train/plan.hpp>
#include <longsky/train/recipe.hpp>
#include <longsky/train/trainer.hpp>
#include <longsky/train/weights.hpp>
#include <longsky/version.hpp>
