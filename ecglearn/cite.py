"""BibTeX of the method in use."""

from __future__ import annotations

from typing import Any

ENTRIES = {
    "PTACL": r"""@inproceedings{selivanov2025ptacl,
  author    = {Selivanov, Alexander and M{\"u}ller, Philip and Turgut, {\"O}zg{\"u}n and Stolt-Ans{\'o}, Nil and R{\"u}ckert, Daniel},
  title     = {Global and Local Contrastive Learning for Joint Representations from Cardiac {MRI} and {ECG}},
  booktitle = {Medical Image Computing and Computer Assisted Intervention ({MICCAI})},
  year      = {2025},
  note      = {arXiv:2506.20683},
}""",  # noqa: E501
    "TAMER": r"""@inproceedings{zhou2026tamer,
  author    = {Zhou, Xuewei and Meng, Yajie and Zeng, Pan and Tang, Xianfang and Cui, Feifei and Jin, Qiangguo and Yang, Jialiang and Xu, Junlin},
  title     = {{TAMER}: A Tri-Modal Contrastive Alignment and Multi-Scale Embedding Refinement Framework for Zero-Shot {ECG} Diagnosis},
  booktitle = {Proceedings of the {IEEE/CVF} Conference on Computer Vision and Pattern Recognition ({CVPR})},
  pages     = {10502--10511},
  year      = {2026},
}""",  # noqa: E501
    "ClinicalTransfer": r"""@article{fernandes2025clinical,
  author  = {Fernandes, Jose Geraldo and de Souza, Luiz Facury and Dutenhefner, Pedro Robles and Pappa, Gisele L. and Meira Jr., Wagner},
  title   = {Transferring Clinical Knowledge into {ECGs} Representation},
  journal = {arXiv preprint arXiv:2512.07021},
  year    = {2025},
}""",  # noqa: E501
    "DERI": r"""@inproceedings{chen2025deri,
  author    = {Chen, Jian and Dong, Xiaoru and Wang, Wei and Zhou, Shaorui and Yu, Lequan and Hu, Xiping},
  title     = {{DERI}: Cross-Modal {ECG} Representation Learning with Deep {ECG}-Report Interaction},
  booktitle = {Proceedings of the Thirty-Fourth International Joint Conference on Artificial Intelligence ({IJCAI})},
  pages     = {4824--4832},
  year      = {2025},
  doi       = {10.24963/ijcai.2025/537},
}""",  # noqa: E501
    "MERL": r"""@inproceedings{liu2024merl,
  author    = {Liu, Che and Wan, Zhongwei and Ouyang, Cheng and Shah, Anand and Bai, Wenjia and Arcucci, Rossella},
  title     = {Zero-Shot {ECG} Classification with Multimodal Learning and Test-time Clinical Knowledge Enhancement},
  booktitle = {Proceedings of the 41st International Conference on Machine Learning ({ICML})},
  year      = {2024},
}""",  # noqa: E501
    "SCAR": r"""@article{liu2026scar,
  author  = {Liu, Hongjun and Han, Rujun and Zhou, Leyu and Yao, Chao},
  title   = {Semantic Compensation via Adversarial Removal for Robust Zero-Shot {ECG} Diagnosis},
  journal = {arXiv preprint arXiv:2604.01498},
  year    = {2026},
}""",
}


def cite(method: Any) -> str:
    """BibTeX of the paper behind a method.

    Args:
        method: a method, its class, or its name.

    Raises:
        KeyError: the library has no method of this name.

    Book: ptacl#take-it-further
    """
    name = method if isinstance(method, str) else getattr(method, "__name__", type(method).__name__)
    for known, entry in ENTRIES.items():
        if name.startswith(known):
            return entry
    raise KeyError(f"no citation for '{name}'; there are {', '.join(ENTRIES)}")
