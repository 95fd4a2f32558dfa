import sluice as hls4ml

model = "muon_pt.h5"

config = hls4ml.utils.config_from_keras_model(model, granularity="model")
hls_model = hls4ml.converters.convert_from_keras_model(model,
                                                       hls_config=config,
                                                       output_dir="muon_pt",
                                                       project_name="muon_pt",
                                                       part="xcvu9p-flgb2104-2-i")
hls_model.compile()
hls_model.build(csim=False, synth=True)
